-- +goose Up

-- The service's dead letters (package deadletter, decision 0023): one row per record that the service could not handle.
create table dead_letters (
    id            uuid        primary key,           -- follows from the record, so that it is stored once
    topic         text        not null,              -- on which the record was
    event_id      text        not null default '',   -- empty if the record is no event
    subject       text        not null default '',
    key           text        not null default '',
    reason        text        not null,              -- of the last failure
    attempts      int         not null,
    replays       int         not null default 0,    -- failed attempts since it was stored
    at            timestamptz not null default now(),
    payload       bytea,                             -- the record, unchanged; null once the letter has ended
    due_at        timestamptz,                       -- when it is handled again; null while it waits for an admin
    claimed_until timestamptz not null default '-infinity', -- a replica handles it until then
    ended_at      timestamptz,
    ending        text        check (ending in ('replayed', 'discarded')),
    check ((ended_at is null) = (ending is null) and (ended_at is null) = (payload is not null))
);
create index dead_letters_list on dead_letters (at, id) where ended_at is null;
create index dead_letters_due on dead_letters (due_at) where due_at is not null;
create index dead_letters_ended on dead_letters (ended_at) where ended_at is not null;

-- Why a service gave an event up, until the event arrives as a dead letter: its record has no room for a reason.
create table event_failures (
    topic     text        not null,
    event_id  text        not null,
    reason    text        not null,
    attempts  int         not null,
    permanent boolean     not null,                  -- its handler rejected it
    at        timestamptz not null default now(),
    primary key (topic, event_id)
);

-- Persons who were erased: a dead letter with one of them as subject that arrives later is not stored.
create table erased_subjects (
    subject text        primary key,
    at      timestamptz not null default now()
);
