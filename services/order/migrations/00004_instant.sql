-- +goose Up
-- As before, but in PL/pgSQL, which a session compiles once. Postgres parses and plans a function in SQL for each index that uses it,
-- in every statement that writes an order.
-- +goose StatementBegin
create or replace function instant(rfc3339 text) returns timestamptz
    language plpgsql immutable strict parallel safe as $$ begin return rfc3339::timestamptz; end $$;
-- +goose StatementEnd
