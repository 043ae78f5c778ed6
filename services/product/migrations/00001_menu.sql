-- +goose Up
create table products (
    id          uuid primary key,
    name        text        not null check (name <> ''),
    description text        not null default '',
    category    text        not null check (category <> ''),
    price_cents bigint      not null check (price_cents >= 0),
    currency    text        not null check (currency ~ '^[A-Z]{3}$'),
    active      boolean     not null default true,
    version     integer     not null default 1,
    created_at  timestamptz not null,
    created_by  text        not null,
    updated_at  timestamptz not null,
    -- The id derives from the idempotency key. The fingerprint tells a repeated request from another one under the same key.
    fingerprint text        not null
);
-- The sort order of the menu.
create index products_menu on products (lower(category), lower(name), id) where active;

create table stock (
    product_id uuid   primary key references products (id),
    available  bigint not null check (available >= 0),
    reserved   bigint not null default 0 check (reserved >= 0),
    sold       bigint not null default 0 check (sold >= 0)
);

-- Every change of the stock except those by orders. Rows are only inserted.
create table stock_movements (
    id         uuid        primary key, -- derived from the idempotency key
    product_id uuid        not null references products (id),
    kind       text        not null check (kind in ('initial', 'delta')),
    delta      bigint      not null,
    -- The stock after the movement.
    available  bigint      not null,
    reserved   bigint      not null,
    sold       bigint      not null,
    actor      text        not null,
    at         timestamptz not null
);
create index stock_movements_product on stock_movements (product_id, at);
create unique index stock_movements_initial on stock_movements (product_id) where kind = 'initial';
