-- +goose Up
-- What the lists and the limits need of an order, in columns of its row. A trigger fills them when the document is written. It decodes the
-- document once; each index over doc(value) decoded it once or twice more, in every write. The columns are null in all other rows. Their
-- prefix keeps them apart from columns that a later version of Dapr may add.
alter table state
    add column order_customer  text,
    add column order_status    text,
    add column order_placed_at timestamptz, -- createdAt of the document; created_at is by the database's clock
    add column order_units     bigint;      -- the sum of the quantities of all lines

-- Fills the columns from the document. It also refuses a new order beyond the limits that its document states. The trigger runs in the
-- transaction that writes the document, so the columns are never stale, and the limit holds for concurrent requests at any replica. The
-- lock, which is held until the commit, makes the orders of one customer take turns; 7303 separates it from other locks. Each statement of
-- a volatile function sees what was committed before it began, so the count includes the order of the turn before. A limit of 0 is none.
-- A transaction of several orders never waits for a second customer, because two such transactions could deadlock: it fails at once, and
-- the service then writes each order in a transaction of its own.
-- +goose StatementBegin
create function note_order() returns trigger
    language plpgsql volatile as $$
declare
    document jsonb;
    items jsonb;
    held record;
begin
    if new.key not like 'order-%' then -- the row had an order and gets another key
        new.order_customer := null;
        new.order_status := null;
        new.order_placed_at := null;
        new.order_units := null;
        return new;
    end if;
    document := convert_from(new.value, 'UTF8')::jsonb;
    new.order_customer := document ->> 'customerId';
    new.order_status := document ->> 'status';
    new.order_placed_at := (document ->> 'createdAt')::timestamptz;
    new.order_units := 0;
    items := document -> 'items';
    if jsonb_typeof(items) = 'array' then
        for i in 0 .. jsonb_array_length(items) - 1 loop -- a query would take longer
            new.order_units := new.order_units + (items -> i ->> 'quantity')::bigint;
        end loop;
    end if;
    if tg_op = 'UPDATE' or document -> 'limits' is null then
        return new; -- placed before, or without limits, or by a version that knew none
    end if;
    if not pg_try_advisory_xact_lock(7303, hashtext(new.order_customer)) then
        if current_setting('comanda.placing', true) = 'yes' then -- the transaction has written another order
            raise exception 'another order of customer % is being placed', new.order_customer using errcode = 'serialization_failure';
        end if;
        perform pg_advisory_xact_lock(7303, hashtext(new.order_customer));
    end if;
    perform set_config('comanda.placing', 'yes', true); -- until the transaction ends
    select * into held from held_by(new.order_customer);
    if held.orders + 1 > nullif((document -> 'limits' ->> 'orders')::bigint, 0)
        or held.units + new.order_units > nullif((document -> 'limits' ->> 'units')::bigint, 0) then
        raise exception 'customer % has % open orders with % units', new.order_customer, held.orders, held.units
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

-- The second part of the condition is for a row that has values in these columns but is no order, or is none any more. Updates of all
-- columns fire the trigger, so no statement can leave values that differ from the document.
drop trigger orders_within_limit on state;
create trigger order_noted before insert or update on state
    for each row when (new.key like 'order-%'
        or num_nonnulls(new.order_customer, new.order_status, new.order_placed_at, new.order_units) > 0)
    execute function note_order();
drop function refuse_order_over_limit();
