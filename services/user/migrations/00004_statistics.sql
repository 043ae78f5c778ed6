-- +goose Up

-- Most profiles are ACTIVE. Without statistics Postgres expects few, and then a step of the reconciliation reads and sorts all of them
-- instead of a page in the order of their keys. A row whose value is no JSON would make analyze fail; the sidecar writes none.
set local statement_timeout = 0; -- of many profiles, analyze takes some seconds
create statistics profiles_status on (doc(value)->>'status') from state;
analyze state;
