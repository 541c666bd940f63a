// An OpenID provider, with everything else on the way of a sign-in as the library does it. The
// account somebody signs in with is the JSON of its claims. `/me` is Facebook's: who a token of
// plain OAuth is of. `/elsewhere` claims to be another issuer with the same endpoints.
//
// node openid_provider.mjs <port> <client id> <client secret> <redirect address> …
import Provider from 'oidc-provider';

const [port, client_id, client_secret, ...redirect_uris] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris }],
  scopes: ['openid', 'email', 'profile', 'public_profile'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
  // Google's tokens tell these themselves.
  conformIdTokenClaims: false,
  findAccount: (_, accountId) => ({ accountId, claims: () => JSON.parse(accountId) }),
  // A sign-in that says so gets a code which lives for a second.
  ttl: { AuthorizationCode: (ctx) => (ctx.oidc.params.login_hint === 'hasty' ? 1 : 60), Interaction: 60, Session: 60, Grant: 60, AccessToken: 60, IdToken: 60 },
  cookies: { keys: [client_secret] },
});

provider.use(async (ctx, next) => {
  if (ctx.path === '/me') {
    const token = await provider.AccessToken.find(ctx.get('authorization').replace('Bearer ', ''));
    if (!token) return ctx.throw(401);
    const { sub, email, given_name, family_name } = JSON.parse(token.accountId);
    ctx.body = { id: sub, email, first_name: given_name, last_name: family_name };
    return undefined;
  }
  if (ctx.path.startsWith('/elsewhere/')) {
    ctx.path = ctx.path.replace('/elsewhere', '');
    await next();
    ctx.body = { ...ctx.body, issuer: `${issuer}/elsewhere` };
    return undefined;
  }
  return next();
});

provider.listen(Number(port), '127.0.0.1');
