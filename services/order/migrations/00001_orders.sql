-- +goose Up

-- The times are RFC 3339 in UTC, so the cast does not depend on the session's settings. Postgres does not know that and marks
-- the cast as stable, but an index needs an immutable function.
-- +goose StatementBegin
create function instant(rfc3339 text) returns timestamptz
    language sql immutable strict parallel safe as $$ select rfc3339::timestamptz $$;
-- +goose StatementEnd

-- The documents of kind order in the sidecar's table. The outbox rows in that table have other keys.
create view orders as
select key,
       doc(value) ->> 'customerId'             as customer_id,
       doc(value) ->> 'status'                 as status,
       instant(doc(value) ->> 'createdAt')     as created_at,
       instant(doc(value) ->> 'announcedAt')   as announced_at,
       value
from state
where key like 'order-%';

-- One index for each list, newest first: all orders, one customer's orders, and the orders in one status (used by the
-- recovery, too).
create index orders_newest on state
    (instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';

create index orders_of_customer on state
    ((doc(value) ->> 'customerId'), instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';

create index orders_in_status on state
    ((doc(value) ->> 'status'), instant(doc(value) ->> 'createdAt') desc, key desc)
    where key like 'order-%';
