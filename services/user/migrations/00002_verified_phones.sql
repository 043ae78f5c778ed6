-- +goose Up

-- A phone number that was verified belongs to one ACTIVE profile. Numbers that were not verified block no one (decision 0018).
drop index profiles_phone;

-- This index decides the race between two verifications.
create unique index profiles_verified_phone on state ((doc(value)->>'phone'))
    where key like 'profile-%' and doc(value)->>'status' = 'ACTIVE' and doc(value)->>'phoneVerifiedAt' is not null;
