-- +goose Up

-- The accounts among the documents. Whatever else is in Dapr's table (rows of the outbox) is not seen.
create view accounts as
    select key, substr(key, 9) as id, doc(value) as document
    from state
    where key like 'account-%';

-- An e-mail is that of one account, PENDING or ACTIVE: this is what decides the race between two registrations.
create unique index accounts_email on state ((doc(value)->>'email'))
    where key like 'account-%' and doc(value)->>'status' in ('PENDING', 'ACTIVE');

-- Rejected ones are found by their e-mail as well: who logs in there is told why it does not work.
create index accounts_any_email on state ((doc(value)->>'email'))
    where key like 'account-%';

-- What the recovery looks for.
create index accounts_pending on state (key)
    where key like 'account-%' and doc(value)->>'status' = 'PENDING';

-- A family is all refresh tokens that came out of one login. It ends with its account's epoch, or when a spent token of it
-- is shown again; then its row is deleted, and its tokens with it.
create table refresh_families (
    id         uuid primary key,
    account    uuid not null,
    epoch      integer not null,
    expires_at timestamptz not null
);
create index refresh_families_expired on refresh_families (expires_at);

create table refresh_tokens (
    hash       bytea primary key, -- SHA-256; the token itself is nowhere
    family     uuid not null references refresh_families on delete cascade,
    expires_at timestamptz not null,
    spent_at   timestamptz
);
create index refresh_tokens_family on refresh_tokens (family);
create index refresh_tokens_expired on refresh_tokens (expires_at);
