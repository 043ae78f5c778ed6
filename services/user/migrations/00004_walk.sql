-- +goose Up
-- The reconciliation walks the primary key.
drop index profiles_by_key;
