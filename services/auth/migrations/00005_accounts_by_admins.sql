-- +goose Up

-- A suspended account keeps its e-mail. So does one that is being erased.
drop index accounts_email;
create unique index accounts_email on state ((doc(value)->>'email'))
    where key like 'account-%' and doc(value)->>'status' in ('PENDING', 'ACTIVE', 'SUSPENDED', 'DELETING');

-- An account document carries the entry of the audit trail for its last act (the shared migration 00001_audit.sql).
create trigger accounts_audit after insert or update on state for each row
    when (new.key like 'account-%') execute function record_act();
