-- +goose Up
-- The products whose entry is missing or outdated are in an index of their own, so finding them takes the same time however long the menu is.
-- This is no part of the migration before, because adding a column locks the table, and the menu must not wait for these statements.
set local statement_timeout = 0; -- of a large menu, they take some seconds
update products p set indexed_version = e.version from product_search e
    where e.product_id = p.id and p.indexed_version is distinct from e.version;
create index products_outdated on products (id) where indexed_version is distinct from version;
-- The entries by older rules.
create index product_search_rules on product_search (rules, product_id);
