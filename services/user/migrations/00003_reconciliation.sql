-- +goose Up

-- The profiles whose account auth has not confirmed yet. They are few: each is confirmed once, some time after the registration.
create index profiles_unconfirmed on state (key)
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE' and doc(value)->'confirmedAt' is null;

-- For the reconciliation, which walks through all ACTIVE profiles.
create index profiles_by_key on state (key) where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';

-- For the deletion of old tombstones.
create index profiles_tombstones on state (coalesce(updated_at, created_at))
    where key like 'profile-%' and doc(value)->>'status' in ('REJECTED', 'CANCELLED');

-- A profile carries the entry of the audit trail for the last act on its phone number (the shared migration 00001_audit.sql).
create trigger profiles_audit after insert or update on state for each row
    when (new.key like 'profile-%') execute function record_act();
