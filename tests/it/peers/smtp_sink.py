"""An SMTP server that keeps what it takes: smtp_sink.py PORT FOLDER [--login USER:PASSWORD] [--certificate CRT KEY].

Each message is a file of FOLDER, named by its number; the first line is its envelope as JSON. How a recipient's address
begins says how the server behaves:

  busy-     450 to the first two RCPT
  nobody-   550 to every RCPT: no such address
  policy-   550 to every RCPT: the server does not want it
  full-     452 after the text, once; nothing is kept then
  spam-     554 after the text; nothing is kept
  hang-     the text is kept, and no reply comes

While FOLDER holds a file called closed, every MAIL is answered 550; while it holds one called utf8, SMTPUTF8 is offered.

With a login it takes mail from nobody else; with a certificate it offers STARTTLS, and lets in only after that. Without
one it lets in as it is, so that a client that tells its password to just anybody is found out. What it is asked before
a recipient is named stands in FOLDER/heard, from its start on.
"""

import argparse
import asyncio
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP


class Sink:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "heard").write_text("")
        # What it took before it was started again stays.
        self.seen = {"mail": sum(file.name.isdigit() for file in self.folder.iterdir())}

    def hear(self, what):
        with open(self.folder / "heard", "a") as heard:
            heard.write(what + "\n")

    def times(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1
        return self.seen[what]

    async def handle_MAIL(self, server, session, envelope, address, options):
        if (self.folder / "closed").exists():
            return "550 5.7.1 closed"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("busy-") and self.times(("rcpt", address)) <= 2:
            return f"450 4.2.1 <{address}> is busy"
        if address.startswith("nobody-"):
            return f"550 5.1.1 <{address}> is unknown"
        if address.startswith("policy-"):
            return "550 5.7.1 not from you"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        if address.startswith("full-") and self.times(("data", address)) <= 1:
            return "452 4.3.1 no room"
        if address.startswith("spam-"):
            return "554 5.7.1 not wanted"
        number = self.times("mail")
        head = json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos})
        draft = self.folder / f".{number}"
        draft.write_bytes(head.encode() + b"\n" + envelope.content)
        draft.rename(self.folder / str(number))
        if address.startswith("hang-"):
            await asyncio.sleep(3600)
        return "250 OK"


class Server(SMTP):
    async def smtp_EHLO(self, arg):
        self.event_handler.hear("EHLO")
        await super().smtp_EHLO(arg)

    async def smtp_STARTTLS(self, arg):
        self.event_handler.hear("STARTTLS")
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg):
        self.event_handler.hear(f"AUTH {arg}")
        await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):
        self.event_handler.hear("MAIL")
        await super().smtp_MAIL(arg)


def terms(login, certificate):
    """What a server demands and offers."""
    demanded = {}
    if login:
        pair = tuple(login.encode().split(b":", 1))
        demanded["auth_required"] = True
        demanded["auth_require_tls"] = certificate is not None
        demanded["auth_callback"] = lambda mechanism, *given: given == pair
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        demanded["tls_context"] = context
    return demanded


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("folder")
    parser.add_argument("--login")
    parser.add_argument("--certificate", nargs=2)
    given = parser.parse_args()
    sink, demanded = Sink(given.folder), terms(given.login, given.certificate)
    loop = asyncio.get_running_loop()

    def talk():
        offers_utf8 = (sink.folder / "utf8").exists()
        return Server(sink, hostname="sink.example", enable_SMTPUTF8=offers_utf8, **demanded)

    server = await loop.create_server(talk, "127.0.0.1", given.port)
    await server.serve_forever()


asyncio.run(main())
