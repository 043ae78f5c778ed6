-- +goose Up

-- What changed nothing: an event or a request that arrived again, or too late. The timelines show it. There is one row for each step
-- of an aggregate, with a count, so that a million duplicates take no more room than two.
create table repeats (
    subject    text        not null, -- the aggregate's id
    step       text        not null,
    status     text        not null, -- of the aggregate at that time
    cause_kind text        not null,
    cause_id   text        not null, -- of the last one
    first_at   timestamptz not null,
    last_at    timestamptz not null,
    count      bigint      not null,
    primary key (subject, step)
);

-- A repeat lives as long as its aggregate. Outbox rows, which are in the same table, are not documents.
-- +goose StatementBegin
create function forget_repeats() returns trigger language plpgsql security definer set search_path from current as $$
begin
    delete from repeats where subject = substr(old.key, strpos(old.key, '-') + 1);
    return null;
end $$;
-- +goose StatementEnd
create trigger state_repeats after delete on state for each row
    when (old.key not like 'outbox-%') execute function forget_repeats();
