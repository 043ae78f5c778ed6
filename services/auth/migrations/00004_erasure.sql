-- +goose Up

-- An account that is being erased keeps its e-mail until every service has erased its part.
drop index accounts_email;
create unique index accounts_email on state ((doc(value)->>'email'))
    where key like 'account-%' and doc(value)->>'status' in ('PENDING', 'ACTIVE', 'DELETING');

-- For the recovery, which lists the accounts that are being erased.
create index accounts_deleting on state (key)
    where key like 'account-%' and doc(value)->>'status' = 'DELETING';

-- For the sessions of one account: its export, and its erasure.
create index if not exists refresh_families_account on refresh_families (account);
