-- +goose Up
-- The dishes of a category whose names begin with the same letter, and which n-grams occur among them: a search leaves out the sections
-- without its words. Rows are never deleted and n-grams never removed, so a section may have too many of them, but not too few.
create table menu_sections (
    category_key bytea      not null,
    name_from    bytea      not null, -- the name keys of the section: from this one
    name_until   bytea      not null, -- until before this one
    grams        smallint[] not null,
    primary key (category_key, name_from)
);
-- The query that uses grams needs no statistics, and ANALYZE would spend seconds on them.
alter table menu_sections alter column grams set statistics 0;
