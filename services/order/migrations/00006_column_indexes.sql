-- +goose NO TRANSACTION
-- +goose Up
-- Fills the columns of the orders that exist, and makes the indexes over the columns. Each statement can be repeated: after an
-- interruption this migration starts again, and continues with the orders that are left. 200,000 orders took 40 s on two busy cores, so a
-- million takes some 3.5 minutes. The replicas of the older version serve meanwhile. A writer waits only for a page with its order, which
-- is locked for a tenth of a second, because each page commits by itself, and indexes that are made concurrently lock out no writer.
set statement_timeout = 0;
set lock_timeout = 0; -- an index that is made concurrently waits for the transactions that have begun before

-- +goose StatementBegin
do $$
declare
    last text := 'order-';
begin
    loop
        with page as (select key from state where key > last and key like 'order-%' order by key limit 500),
            filled as (update state set value = value where key in (select key from page) and order_units is null)
        select max(key) into last from page;
        exit when last is null;
        commit;
    end loop;
    if exists (select from state where key like 'order-%') then
        analyze state (order_customer, order_status, order_placed_at, order_units);
    end if;
end
$$;
-- +goose StatementEnd

-- One index for each list, newest first: all orders, one customer's orders, and the orders in one status (used by the recovery, too). The
-- fourth has the open orders alone, so counting a customer's stays fast however many orders the customer had.
drop index concurrently if exists orders_newest_by_columns;
create index concurrently orders_newest_by_columns on state (order_placed_at desc, key desc)
    where key like 'order-%';
drop index concurrently if exists orders_of_customer_by_columns;
create index concurrently orders_of_customer_by_columns on state (order_customer, order_placed_at desc, key desc)
    where key like 'order-%';
drop index concurrently if exists orders_in_status_by_columns;
create index concurrently orders_in_status_by_columns on state (order_status, order_placed_at desc, key desc)
    where key like 'order-%';
drop index concurrently if exists orders_open_by_columns;
create index concurrently orders_open_by_columns on state (order_customer)
    where key like 'order-%' and order_status not in ('REJECTED', 'DELIVERED', 'CANCELLED');
reset statement_timeout;
reset lock_timeout;
