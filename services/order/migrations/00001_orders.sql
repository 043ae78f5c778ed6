-- +goose Up

-- Our times are RFC 3339 in UTC, so reading one depends on no setting of the session. Postgres cannot know that and calls
-- the cast only stable, which an index may not use.
-- +goose StatementBegin
create function instant(rfc3339 text) returns timestamptz
    language sql immutable strict parallel safe as $$ select rfc3339::timestamptz $$;
-- +goose StatementEnd

-- The documents of kind order in the sidecar's table. Its other rows (the outbox's) have other keys.
create view orders as
select key,
       doc(value) ->> 'customerId'             as customer_id,
       doc(value) ->> 'status'                 as status,
       instant(doc(value) ->> 'createdAt')     as created_at,
       instant(doc(value) ->> 'announcedAt')   as announced_at,
       value
from state
where key like 'order-%';

-- One index for each list: all, one customer's, and those in one state (for the recovery, too). Newest first.
create index orders_newest on state
    (instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';

create index orders_of_customer on state
    ((doc(value) ->> 'customerId'), instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';

create index orders_in_status on state
    ((doc(value) ->> 'status'), instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';
