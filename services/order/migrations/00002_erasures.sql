-- +goose Up

-- The erasures that are not settled. They are few: an erasure is settled after a minute.
create index erasures_unsettled on state (key)
    where key like 'erasure-%' and doc(value) -> 'settledAt' is null;
