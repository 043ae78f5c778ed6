-- +goose Up
-- For the timelines: what decided and ended a reservation (an event, a replay, the recovery or an operator), the event's id, and its age
-- at that time in milliseconds. They are columns and not rows of their own, because a reservation must not cost another statement.
alter table reservations
    add column decided_kind text,
    add column decided_by   text,
    add column decided_ms   bigint,
    add column ended_kind   text,
    add column ended_by     text,
    add column ended_ms     bigint;
