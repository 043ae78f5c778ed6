-- +goose Up

-- The audit trail (package audit, decision 0016): one row per act that an operator may have to trace. Rows are only inserted.
create table audit (
    seq     bigint      generated always as identity primary key, -- the order of the trail
    id      uuid        not null unique,                          -- of the act, so that it is recorded once
    at      timestamptz not null,
    actor   uuid,                                                 -- the account that acted; null for the system or an unknown actor
    address text        not null default '',                      -- the network of the client
    action  text        not null check (action <> ''),
    subject uuid        not null,                                 -- the account, product or dead letter
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

-- A document carries the entry of its last act. The write of the document copies it to the trail, by a trigger of the service's own
-- migrations: the document is written by the sidecar, in a transaction of which the service is no part (decision 0016).
-- +goose StatementBegin
create function record_act() returns trigger language plpgsql security definer set search_path from current as $$
declare
    act jsonb := doc(new.value)->'act';
begin
    if act is null or tg_op = 'UPDATE' and act->>'id' = doc(old.value)->'act'->>'id' then
        return null; -- no act, or that of an earlier write, which the document still carries
    end if;
    insert into audit (id, actor, address, action, subject, before, after, trace) values (
        (act->>'id')::uuid, (act->>'actor')::uuid, coalesce(act->>'address', ''), act->>'action', (act->>'subject')::uuid,
        act->'before', act->'after', coalesce(act->>'traceId', ''));
    return null;
end $$;
-- +goose StatementEnd
