-- +goose Up

-- The leases of background work that one replica at a time does (package recovery). A lease ends by the database's clock, so a
-- replica that is frozen or cut off does not keep it.
create table leases (
    name   text        primary key,
    holder uuid        not null,
    until  timestamptz not null
);
