-- +goose Up
-- What the menu's list needs of each product. The service computes it, so that search and order do not depend on the locale
-- of the database, and fills the table at its start (store.IndexProducts). Searches read many rows, so rows are kept short.
create table product_search (
    product_id   uuid    primary key references products (id),
    version      integer not null, -- of the product that the row describes
    rules        integer not null, -- entryRules
    active       boolean not null,
    -- The order of the menu: collation keys of the folded category and of the name, cut to a length that cursors can hold.
    category_key bytea   not null,
    name_key     bytea   not null,
    -- Folded texts: without case and diacritics. They are compared as bytes.
    category     text    collate "C" not null,
    text         text    collate "C" not null, -- name and description, words separated by one space
    grams        smallint[] not null           -- hashes of the n-grams of text, and of the category
);
create index product_search_active on product_search (active, category_key, name_key, product_id);
create index product_search_all on product_search (category_key, name_key, product_id);
-- Without fastupdate an insert is slower, but no search has to read a list of pending entries.
create index product_search_grams on product_search using gin (grams) with (fastupdate = off);
-- The query that uses grams needs no statistics, and ANALYZE would spend seconds on them.
alter table product_search alter column grams set statistics 0;

drop index products_menu;
