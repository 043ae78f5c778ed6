-- +goose Up

-- For the deletion of accounts that were rejected long ago.
create index accounts_rejected on state (coalesce(updated_at, created_at))
    where key like 'account-%' and doc(value)->>'status' = 'REJECTED';
