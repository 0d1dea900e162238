-- Who may do what. Nothing is granted by default, so a table of a later migration is closed until that migration
-- opens it; only new views in schema audit open themselves to readers. Nobody needs rights on the monthly
-- partitions of the audit log: rows go in and out through ledger.event.

grant usage on schema ledger to profile_writer;
grant usage on schema audit to profile_writer, profile_auditor;

-- The audit log: the writer adds and reads, and cannot alter what is there.
grant select, insert on ledger.event, ledger.delivery to profile_writer;
grant select on ledger.schema_migration to profile_writer;

grant select, insert, update, delete on
  ledger.consumer_offset,
  ledger.request,
  ledger.link,
  ledger.device,
  ledger.evidence,
  ledger.operation,
  ledger.poll,
  ledger.profile,
  ledger.profile_history,
  ledger.quarantine
to profile_writer;

grant usage on sequence ledger.profile_id to profile_writer;
grant execute on function ledger.ensure_event_partitions(integer) to profile_writer;

grant select on all tables in schema audit to profile_writer, profile_auditor;
alter default privileges for role profile_owner in schema audit
  grant select on tables to profile_writer, profile_auditor;
