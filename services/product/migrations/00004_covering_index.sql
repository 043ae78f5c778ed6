-- +goose Up
-- An index that holds the texts lets a search walk through the menu without reading the table. An index row has room for 2,700
-- bytes, so it leaves out the rare longer texts.
set local statement_timeout = 0; -- of a large menu, the new column and the indexes take some seconds
drop index product_search_active, product_search_all;
alter table product_search add column short_text text collate "C"
    generated always as (case when octet_length(text) <= 2000 then text end) stored;
create index product_search_active on product_search (active, category_key, name_key, product_id) include (short_text);
create index product_search_all on product_search (category_key, name_key, product_id) include (short_text);
-- Only after a vacuum of a page can an index scan do without it.
alter table product_search set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
