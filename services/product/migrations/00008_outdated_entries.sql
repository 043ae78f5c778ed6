-- +goose Up
-- The version that a product's search entry describes; null without an entry. The products whose entry is missing or outdated are in an
-- index of their own, so finding them takes the same time however long the menu is.
set local statement_timeout = 0; -- of a large menu, the update and the indexes take some seconds
alter table products add column indexed_version integer;
update products p set indexed_version = e.version from product_search e where e.product_id = p.id;
create index products_outdated on products (id) where indexed_version is distinct from version;
-- The entries by older rules.
create index product_search_rules on product_search (rules, product_id);

-- Each write of an entry notes its version, also that of a replica of an older version.
-- +goose StatementBegin
create function note_entry() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        update products set indexed_version = null where id = old.product_id;
    else
        update products set indexed_version = new.version where id = new.product_id and indexed_version is distinct from new.version;
    end if;
    return null;
end $$;
-- +goose StatementEnd
create trigger product_search_noted after insert or update or delete on product_search for each row execute function note_entry();
