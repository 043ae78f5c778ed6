-- +goose Up

-- A suspended account keeps its e-mail. So does one that is being erased.
drop index accounts_email;
create unique index accounts_email on state ((doc(value)->>'email'))
    where key like 'account-%' and doc(value)->>'status' in ('PENDING', 'ACTIVE', 'SUSPENDED', 'DELETING');

-- An account document carries the entry of the audit trail for its last act. The write of the document copies it to the trail:
-- the document is written by the sidecar, in a transaction of which the service is no part (decision 0016).
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
create trigger accounts_audit after insert or update on state for each row
    when (new.key like 'account-%') execute function record_act();
