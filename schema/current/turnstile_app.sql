do $$
begin
    create role turnstile_app nologin;
exception
    when duplicate_object or unique_violation then null; -- roles belong to the cluster, not to this database
end
$$;
grant turnstile_app to current_user; -- so that an owner who is no superuser can work as it
grant usage on schema public to turnstile_app;
