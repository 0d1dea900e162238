-- What is told to whom: mapping says what a profile is called at a target, job is one thing to delete there,
-- transition every step of a job with who or what took it. Nothing of the ledger is read or written here: what
-- settled comes by the topic, as to any other consumer.

create schema downstream;

create table downstream.schema_migration (
  version integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null,
  constraint schema_migration_pkey primary key (version)
);

create table downstream.consumer_offset (
  topic text collate "C" not null,
  partition integer not null,
  next_offset bigint not null,
  updated_at timestamptz not null default clock_timestamp(),
  constraint consumer_offset_pkey primary key (topic, partition),
  constraint consumer_offset_not_negative check (next_offset >= 0)
);

-- For Oracle, holder_id is the customer's uniqueUserId, and app_id and device_id are empty. gone_at: when the
-- profile of this row was deleted, null while it is there. verified_at: when the target last showed it to be there.
create table downstream.mapping (
  mapping_id bigint not null generated always as identity,
  target text collate "C" not null,
  account text collate "C" not null,
  eid text collate "C" not null,
  iccid text collate "C",
  binding text collate "C" not null default 'subscription',
  app_id text collate "C" not null default '',
  holder_id text collate "C" not null,
  device_id text collate "C" not null default '',
  enabled boolean not null default true,
  denied boolean not null default false,
  gone_at timestamptz,
  verified_at timestamptz,
  source text not null,
  imported_by text not null,
  imported_at timestamptz not null default clock_timestamp(),
  constraint mapping_pkey primary key (mapping_id),
  constraint mapping_once unique nulls not distinct (target, account, eid, iccid, app_id),
  constraint mapping_binding_known check (binding in ('subscription', 'device')),
  constraint mapping_subscription_has_iccid check (binding = 'device' or iccid is not null),
  constraint mapping_named check (eid <> '' and holder_id <> '' and iccid is distinct from ''),
  constraint mapping_app_and_device_together check ((app_id = '') = (device_id = ''))
);

create index mapping_eid on downstream.mapping (account, eid);
create index mapping_holder on downstream.mapping (target, holder_id);

-- The ids are copied from the mapping as it was: a job goes on with what was decided, or is cancelled. taken_back:
-- cancelled because its operation is no success any more; should it settle again, so does the job.
create table downstream.job (
  job_id bigint not null generated always as identity,
  key bytea not null,
  target text collate "C" not null,
  mapping_id bigint not null,
  account text collate "C" not null,
  operation_id text collate "C" not null,
  request_id text collate "C",
  eid text collate "C" not null,
  iccid text collate "C" not null,
  action text collate "C" not null,
  app_id text collate "C" not null,
  holder_id text collate "C" not null,
  device_id text collate "C" not null,
  event_at timestamptz not null,
  event_version bigint not null,
  state text collate "C" not null,
  reason text not null,
  request text,
  verified boolean not null,
  taken_back boolean not null default false,
  needs_approval boolean not null default false,
  approved_by text,
  again_at timestamptz,
  sends integer not null default 0,
  tries integer not null default 0,
  sent_at timestamptz,
  transaction_id text,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint job_pkey primary key (job_id),
  constraint job_once unique (key),
  constraint job_key_is_sha256 check (octet_length(key) = 32),
  constraint job_state_known check (
    state in ('dry_run', 'held', 'looking', 'sending', 'accepted', 'checking', 'confirmed', 'already_absent',
              'linked_anew', 'cancelled', 'too_old', 'denied', 'merged', 'failed', 'unknown')
  ),
  constraint job_sent_at_is_counted check ((sent_at is null) = (sends = 0))
);

create index job_due on downstream.job (target, again_at) where again_at is not null;
create index job_holder on downstream.job (target, holder_id) where state in ('sending', 'accepted', 'checking');
create index job_of_operation on downstream.job (operation_id);
create index job_of_profile on downstream.job (eid, iccid);
create index job_recent on downstream.job (target, account, created_at);

-- Append-only. request is what was sent or would be, without its secret; the rest are the target's words, bounded.
create table downstream.transition (
  transition_id bigint not null generated always as identity,
  job_id bigint not null,
  at timestamptz not null default clock_timestamp(),
  was text collate "C",
  state text collate "C" not null,
  step text collate "C" not null,
  reason text not null,
  by text not null,
  request text,
  http_status integer,
  code text,
  said text,
  transaction_id text,
  constraint transition_pkey primary key (transition_id)
);

create index transition_job on downstream.transition (job_id, transition_id);

-- A target that must not be used, and why; no row: nothing is in its way. resumed_at: deletions before it do not
-- count towards the threshold any more, a person has seen them. proven_at: it has answered as itself once.
create table downstream.target (
  name text collate "C" not null,
  stopped_because text,
  stopped_by text,
  stopped_at timestamptz,
  resumed_at timestamptz,
  proven_at timestamptz,
  constraint target_pkey primary key (name)
);

create function downstream.refuse_change() returns trigger
language plpgsql
as $function$
begin
  raise exception 'the transitions of jobs are a record and cannot be changed';
end
$function$;

create trigger transition_is_a_record before update or delete on downstream.transition
  for each row execute function downstream.refuse_change();
