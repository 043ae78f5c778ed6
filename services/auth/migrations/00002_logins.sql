-- +goose Up

-- Wrong passwords of late, for an e-mail and for an e-mail from one address (see throttle.go). The subject is a hash, so the table
-- holds no personal data. An e-mail that no account has is counted like any other.
create table login_failures (
    subject       bytea primary key, -- SHA-256
    failures      integer not null,
    failed_at     timestamptz not null,
    blocked_until timestamptz not null
);
create index login_failures_old on login_failures (failed_at);

-- For the rule that one ACTIVE admin is left.
create index accounts_admins on state (key)
    where key like 'account-%' and doc(value)->>'status' = 'ACTIVE' and doc(value)->'roles' ? 'admin';
