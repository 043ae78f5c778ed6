-- +goose Up
-- One row per order, kept for ever: tombstones and outcomes must outlive every event that may be delivered again.
create table reservations (
    order_id   uuid        primary key,
    state      text        not null check (state in ('RESERVED', 'FAILED', 'RELEASED', 'SOLD', 'TOMBSTONE')),
    outcome    jsonb       check ((outcome is null) = (state = 'TOMBSTONE')),
    decided_at timestamptz not null,
    updated_at timestamptz not null
);

-- The lines of each reservation, also after it was released or sold.
create table reservation_lines (
    order_id   uuid   not null references reservations (order_id),
    product_id uuid   not null references products (id),
    quantity   bigint not null check (quantity > 0),
    primary key (order_id, product_id)
);
create index reservation_lines_product on reservation_lines (product_id);

-- The stock law: in every row moved = held, reserved = promised and sold = delivered.
create view stock_law as
select s.product_id,
       coalesce(m.moved, 0)              as moved,
       s.available + s.reserved + s.sold as held,
       s.reserved,
       coalesce(l.promised, 0)           as promised,
       s.sold,
       coalesce(l.delivered, 0)          as delivered
from stock s
left join (select product_id, sum(delta) as moved from stock_movements group by product_id) m using (product_id)
left join (select product_id,
                  sum(quantity) filter (where state = 'RESERVED') as promised,
                  sum(quantity) filter (where state = 'SOLD')     as delivered
           from reservation_lines join reservations using (order_id) group by product_id) l using (product_id);
