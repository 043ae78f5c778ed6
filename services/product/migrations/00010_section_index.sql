-- +goose Up
-- A search first asks whether any section has all of its n-grams. Without fastupdate no search has to read a list of pending entries.
set local statement_timeout = 0; -- of a long menu, it takes a second
create index menu_sections_grams on menu_sections using gin (grams) with (fastupdate = off);
