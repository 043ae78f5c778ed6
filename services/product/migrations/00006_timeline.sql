-- +goose Up
-- For the timelines: the ids of the events that decided and ended a reservation, and their age at that time in milliseconds. They are
-- columns and not rows of their own, because a reservation must not cost another statement.
alter table reservations
    add column decided_by text,
    add column decided_ms bigint,
    add column ended_by   text,
    add column ended_ms   bigint;
