-- +goose Up

-- The documents that are accounts. Dapr's table also holds outbox rows; the view excludes them.
create view accounts as
    select key, substr(key, 9) as id, doc(value) as document
    from state
    where key like 'account-%';

-- At most one PENDING or ACTIVE account has an e-mail. This index decides the race between two registrations.
create unique index accounts_email on state ((doc(value)->>'email'))
    where key like 'account-%' and doc(value)->>'status' in ('PENDING', 'ACTIVE');

-- Rejected accounts are found by e-mail too, so that a login can report why the registration was rejected.
create index accounts_any_email on state ((doc(value)->>'email'))
    where key like 'account-%';

-- For the recovery, which lists PENDING accounts.
create index accounts_pending on state (key)
    where key like 'account-%' and doc(value)->>'status' = 'PENDING';

-- A family is all refresh tokens that descend from one login. It becomes invalid when its account's epoch changes, or when one
-- of its spent tokens is used again. Then its row is deleted, and its tokens with it.
create table refresh_families (
    id         uuid primary key,
    account    uuid not null,
    epoch      integer not null,
    expires_at timestamptz not null
);
create index refresh_families_expired on refresh_families (expires_at);

create table refresh_tokens (
    hash       bytea primary key, -- SHA-256; the token itself is not stored
    family     uuid not null references refresh_families on delete cascade,
    expires_at timestamptz not null,
    spent_at   timestamptz
);
create index refresh_tokens_family on refresh_tokens (family);
create index refresh_tokens_expired on refresh_tokens (expires_at);
