-- +goose Up
-- What the menu's list needs of each product. The service computes it, so that search and order do not depend on the locale
-- of the database, and fills the table at its start (store.IndexProducts).
create table product_search (
    product_id   uuid    primary key references products (id),
    version      integer not null, -- of the product that the entry describes
    rules        integer not null, -- entryRules
    active       boolean not null,
    -- The order of the menu: collation keys of the folded category and of the name, cut to a length that cursors can hold.
    category_key bytea   not null,
    name_key     bytea   not null,
    -- Folded texts: without case and diacritics. They are compared as bytes.
    category     text    collate "C" not null,
    text         text    collate "C" not null, -- name and description
    grams        integer[] not null            -- hashes of the n-grams of text, and of the category
)
-- Lists read text and keys of many rows but never grams: only grams are stored outside the row.
with (toast_tuple_target = 128);
alter table product_search
    alter column category_key set storage main,
    alter column name_key set storage main,
    alter column category set storage main,
    alter column text set storage main,
    alter column grams set storage external,
    alter column grams set statistics 0; -- ANALYZE would spend seconds on them; the query that uses them needs no estimate

create index product_search_active on product_search (active, category_key, name_key, product_id);
create index product_search_all on product_search (category_key, name_key, product_id);
-- Without fastupdate each insert is slower, but no search has to read a list of pending entries.
create index product_search_grams on product_search using gin (grams) with (fastupdate = off);

drop index products_menu;
