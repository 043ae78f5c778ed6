-- +goose Up

-- The documents that are ACTIVE profiles. Dapr's table also holds tombstones and outbox rows; the view excludes them.
create view profiles as
    select substr(key, 9) as id, doc(value) as document, created_at
    from state
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';

-- A phone number belongs to at most one ACTIVE profile. This index decides the race between two registrations.
create unique index profiles_phone on state ((doc(value)->>'phone'))
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';

-- For the list of profiles, newest first.
create index profiles_newest on state (created_at desc, (substr(key, 9)) desc)
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';
