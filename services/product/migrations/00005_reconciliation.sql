-- +goose Up
-- Since when the service order does not know the order of a reservation. The service order may know it again, from a better copy of its
-- database.
alter table reservations add column unknown_since timestamptz;
-- For the reconciliation, which reads the reservations that hold stock.
create index reservations_held on reservations (updated_at, order_id) where state = 'RESERVED';
-- For the deletion of old records: since this version, reservations without a sale are no longer kept for ever.
create index reservations_ended on reservations (updated_at) where state in ('FAILED', 'RELEASED', 'TOMBSTONE');
