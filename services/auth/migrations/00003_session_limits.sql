-- +goose Up

-- The login of a family, which bounds its age, and until when its rotations have used up their pace (see pace.go). Families of
-- before are as old as this migration.
alter table refresh_families
    add column started_at timestamptz not null default now(),
    add column paced_until timestamptz not null default now();
create index refresh_families_account on refresh_families (account, started_at);

-- A token with names_family carries its family's id. When its row is gone, its use still reveals a reuse, so the row of a spent
-- one is deleted soon. Tokens of before keep their rows until they expire.
alter table refresh_tokens add column names_family boolean not null default false;
create index refresh_tokens_spent on refresh_tokens (spent_at) where names_family;

-- The pace of all rotations of an account.
create table refresh_paces (
    account     uuid primary key,
    paced_until timestamptz not null
);
create index refresh_paces_old on refresh_paces (paced_until);
