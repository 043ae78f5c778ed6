-- +goose Up

-- The living profiles among the documents. Whatever else is in Dapr's table (tombstones, rows of the outbox) is not seen.
create view profiles as
    select substr(key, 9) as id, doc(value) as document, created_at
    from state
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';

-- A phone number belongs to one living profile: this is what decides the race between two registrations.
create unique index profiles_phone on state ((doc(value)->>'phone'))
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';

-- The list of profiles, newest first.
create index profiles_newest on state (created_at desc, (substr(key, 9)) desc)
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE';
