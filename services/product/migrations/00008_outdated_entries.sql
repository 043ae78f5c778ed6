-- +goose Up
-- The version that a product's search entry describes; null without an entry. The next migration fills it for the products that exist.
alter table products add column indexed_version integer;

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
