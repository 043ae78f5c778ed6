-- +goose Up

-- Most profiles are ACTIVE. Without statistics Postgres expects few, and then a step of the reconciliation reads and sorts all of them
-- instead of a page in the order of their keys.
create statistics profiles_status on (doc(value)->>'status') from state;
