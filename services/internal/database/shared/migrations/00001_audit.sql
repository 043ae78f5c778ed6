-- +goose Up

-- The audit trail (package audit, decision 0016): one row per act that an operator may have to trace. Rows are only inserted.
create table audit (
    seq     bigint      generated always as identity primary key, -- the order of the trail
    id      uuid        not null unique,                          -- of the act, so that it is recorded once
    at      timestamptz not null,
    actor   uuid,                                                 -- the account that acted; null for the system or an unknown actor
    address text        not null default '',                      -- the network of the client
    action  text        not null check (action <> ''),
    subject uuid        not null,                                 -- the account or product that was changed
    before  jsonb,
    after   jsonb,
    trace   text        not null default ''
);
create index audit_actor on audit (actor, seq);
create index audit_subject on audit (subject, seq);

-- The database sets the time, so that no entry can be made to look old enough to be deleted.
-- +goose StatementBegin
create function stamp_audit() returns trigger language plpgsql as $$
begin
    new.at := now();
    return new;
end $$;
-- +goose StatementEnd
create trigger audit_time before insert on audit for each row execute function stamp_audit();

-- Nothing changes an entry, and nothing deletes one within a year. The service deletes older ones.
-- +goose StatementBegin
create function keep_audit() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '1 year' then
        return old;
    end if;
    raise exception 'the audit trail is append-only: entries cannot be changed, and are kept for a year' using errcode = 'insufficient_privilege';
end $$;
-- +goose StatementEnd
create trigger audit_append_only before update or delete on audit for each row execute function keep_audit();
create trigger audit_no_truncate before truncate on audit for each statement execute function keep_audit();
