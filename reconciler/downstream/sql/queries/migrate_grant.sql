-- The engine adds to the record and cannot alter it; auditors read it, where there are any.
do $$
begin
  execute format('grant connect on database %I to profile_downstream', current_database());
  grant usage on schema downstream to profile_downstream;
  grant select, insert, update on all tables in schema downstream to profile_downstream;
  grant delete on downstream.consumer_offset to profile_downstream;
  revoke update on downstream.transition, downstream.schema_migration from profile_downstream;
  revoke insert on downstream.schema_migration from profile_downstream;
  if exists (select from pg_roles where rolname = 'profile_auditor')
     and to_regnamespace('audit') is not null then
    create or replace view audit.downstream_jobs as
      select job_id, target, account, operation_id, request_id, eid, iccid, action, app_id, holder_id, device_id,
        event_at, state, reason, needs_approval, approved_by, sends, sent_at, transaction_id, created_at, updated_at
      from downstream.job;
    create or replace view audit.downstream_transitions as
      select t.job_id, j.account, t.at, t.was, t.state, t.step, t.reason, t.by, t.request, t.http_status, t.code,
        t.said, t.transaction_id
      from downstream.transition as t join downstream.job as j using (job_id);
    grant select on audit.downstream_jobs, audit.downstream_transitions to profile_auditor;
  end if;
end
$$
