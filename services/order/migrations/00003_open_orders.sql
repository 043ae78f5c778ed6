-- +goose Up

-- The open orders of each customer: those without a final status. Only they are in this index, so counting them stays fast
-- however many orders the customer had.
create index orders_open on state ((doc(value) ->> 'customerId'))
    where key like 'order-%' and doc(value) ->> 'status' not in ('REJECTED', 'DELIVERED', 'CANCELLED');

-- What a customer's open orders hold: their number, and the sum of their quantities.
-- +goose StatementBegin
create function held_by(customer text) returns table (orders bigint, units bigint)
    language sql stable parallel safe rows 1 as $$
    select count(*),
           coalesce(sum((select sum((line ->> 'quantity')::bigint) from jsonb_array_elements(doc(value) -> 'items') as line)), 0)::bigint
    from state
    where key like 'order-%' and doc(value) ->> 'status' not in ('REJECTED', 'DELIVERED', 'CANCELLED')
      and doc(value) ->> 'customerId' = customer
$$;
-- +goose StatementEnd

-- Refuses a new order beyond the limits that its document states. The trigger runs in the transaction that writes the document,
-- so the limit holds for concurrent requests at any replica. The lock, which is held until the commit, makes the orders of one
-- customer take turns; 7303 separates it from other locks. Each statement of a volatile function sees what was committed before
-- it began, so the count includes the order of the turn before. A limit of 0 is none.
-- +goose StatementBegin
create function refuse_order_over_limit() returns trigger
    language plpgsql volatile as $$
declare
    placed jsonb := doc(new.value);
    held record;
begin
    if placed -> 'limits' is null then
        return new; -- placed without limits, or by a version that knew none
    end if;
    perform pg_advisory_xact_lock(7303, hashtext(placed ->> 'customerId'));
    select * into held from held_by(placed ->> 'customerId');
    if held.orders + 1 > nullif((placed -> 'limits' ->> 'orders')::bigint, 0)
        or held.units + (select sum((line ->> 'quantity')::bigint) from jsonb_array_elements(placed -> 'items') as line)
            > nullif((placed -> 'limits' ->> 'units')::bigint, 0) then
        raise exception 'customer % has % open orders with % units', placed ->> 'customerId', held.orders, held.units
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;
-- +goose StatementEnd

create trigger orders_within_limit before insert on state
    for each row when (new.key like 'order-%')
    execute function refuse_order_over_limit();
