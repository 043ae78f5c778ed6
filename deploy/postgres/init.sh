#!/usr/bin/env bash
# Creates a service's database and its two roles: the owner, which the service and its sidecar use, and a role that can only read
# statistics, for the exporter. Neither is a superuser. The superuser ends up without a password and can log in only from inside
# the container (docker-compose exec auth-db psql -U postgres).
#
# Postgres runs this script once, on an empty volume. After a password change, run it again:
#
#   docker-compose exec auth-db bash /docker-entrypoint-initdb.d/init.sh
set -euo pipefail

psql --username postgres --dbname postgres --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set name="$DATABASE" <<'SQL'
\set password `cat /run/secrets/password`
\set monitor_password `cat /run/secrets/monitor-password`

select format('create role %I', :'name') where not exists (select from pg_roles where rolname = :'name') \gexec
alter role :"name" login password :'password';
select format('create database %I owner %I template template0 encoding ''UTF8''', :'name', :'name')
  where not exists (select from pg_database where datname = :'name') \gexec

select 'create role monitor' where not exists (select from pg_roles where rolname = 'monitor') \gexec
alter role monitor login password :'monitor_password' connection limit 5;
grant pg_monitor to monitor;

revoke all on database :"name", postgres, template1 from public;
grant connect on database :"name" to monitor;
alter role postgres password null;
SQL
