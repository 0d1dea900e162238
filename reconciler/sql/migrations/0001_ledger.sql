-- The ledger: what was said (event, delivery), what each event comes down to (evidence), and what follows from it
-- (operation, profile, profile_history), with the rows that order concurrent writers (request, device,
-- consumer_offset). Only the reconciler writes here; people read the views of schema audit.
--
-- Habits of this file. Identifiers are collated "C": equality is all they need, comparing bytes is cheapest, and
-- every writer locks in the same order. Every constraint has a name, because a name of ours in an error tells the
-- reconciler that the row is at fault, not the program. No foreign keys: the transaction that writes a row holds
-- the lock rows of its parents, and the fold is checked as a whole by `rebuild --check`.

create schema ledger;

-- Migrations --------------------------------------------------------------------------------------------------

create table ledger.schema_migration (
  version integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null,
  constraint schema_migration_pkey primary key (version)
);

-- Where each Kafka partition stands, and the head of its audit chain ------------------------------------------

-- next_offset is the fence: a batch is applied only where it starts at this very offset. last_event_id is the
-- identity of the record before it (event id, or SHA-256 of the value where that is no event); null means that
-- there is nothing to compare with. chain_events counts the links, so the chain goes on over a recreated topic.
create table ledger.consumer_offset (
  topic text collate "C" not null,
  partition integer not null,
  next_offset bigint not null,
  last_event_id text collate "C",
  chain_head bytea not null default decode(repeat('00', 32), 'hex'),
  chain_events bigint not null default 0,
  updated_at timestamptz not null default clock_timestamp(),
  constraint consumer_offset_pkey primary key (topic, partition),
  constraint consumer_offset_not_negative check (next_offset >= 0 and chain_events >= 0),
  constraint consumer_offset_head_is_sha256 check (octet_length(chain_head) = 32)
) with (fillfactor = 50);

-- Lock rows: they always exist before anything about the request or device is written -------------------------

-- scope 'request' or 'intent'. eidless: some evidence of it names no EID, so that the request must be folded as a
-- whole; otherwise each EID of it can be folded alone.
create table ledger.request (
  account text collate "C" not null,
  scope text collate "C" not null,
  id text collate "C" not null,
  eidless boolean not null,
  constraint request_pkey primary key (scope, account, id),
  constraint request_scope_known check (scope in ('request', 'intent'))
);

-- Which requests an intent became: written by events that name both, under the locks of both.
create table ledger.link (
  account text collate "C" not null,
  intent_id text collate "C" not null,
  request_id text collate "C" not null,
  constraint link_pkey primary key (intent_id, account, request_id)
);

create index link_request on ledger.link (request_id, account);

create table ledger.device (
  eid text collate "C" not null,
  constraint device_pkey primary key (eid)
);

-- The audit log: one row per distinct event, append-only ------------------------------------------------------

-- Everything but body is under the chain (body_digest stands for body); see reconciler/chain.py. fact is what the
-- event says: the signal of a callback or poll, the phase of a request, decided_… of a decision. body is what
-- ThingSpace sent, scrubbed, for a callback, and the event itself for every other kind. To erase a body for
-- privacy, erase body_salt with it.
create table ledger.event (
  event_id bytea not null,
  kind text collate "C" not null,
  account text collate "C" not null,
  request_id text collate "C",
  intent_id text collate "C",
  eid text collate "C",
  imei text collate "C",
  mdn text collate "C",
  iccid_named text collate "C",
  iccid_reported text collate "C",
  iccid_single boolean not null,
  iccid_target text collate "C",
  action text collate "C",
  fact text collate "C" not null,
  requested_at timestamptz,
  observed_at timestamptz not null,
  attempt bigint,
  attempts_max bigint,
  sequence bigint,
  service text collate "C",
  producer text collate "C" not null,
  rules integer not null,
  flags text[] not null,
  outcome text collate "C" not null,
  operation_id uuid,
  partition integer not null,
  "offset" bigint not null,
  chain_position bigint not null,
  recorded_at timestamptz not null,
  body_digest bytea not null,
  chain_hash bytea not null,
  body_salt bytea,
  body bytea,
  constraint event_kind_known check (kind in ('callback', 'poll', 'request', 'decision')),
  constraint event_outcome_known check (
    outcome in ('applied', 'repeated', 'late', 'conflict', 'unmatched', 'undone_by_decision')
  )
) partition by range (recorded_at);

-- A body with its row stays on its page up to 8 kB: compressing every row of two kB costs more than it saves.
create table ledger.event_default partition of ledger.event default with (toast_tuple_target = 8160);

create index event_chain on ledger.event (partition, chain_position);
create index event_request on ledger.event (request_id) where request_id is not null;
create index event_intent on ledger.event (intent_id) where intent_id is not null;
create index event_eid on ledger.event (eid) where eid is not null;

-- One row per copy that reached Kafka. After `offsets reset` a record may be read again: same place, same event,
-- same row.
create table ledger.delivery (
  event_id bytea not null,
  partition integer not null,
  "offset" bigint not null,
  attempt bigint,
  attempts_max bigint,
  source_ip text collate "C",
  observed_at timestamptz not null,
  constraint delivery_pkey primary key (event_id, partition, "offset")
);

-- What the fold reads: one small row per distinct event, keyed by the first 16 bytes of its id ----------------

create table ledger.evidence (
  evidence_key bytea not null,
  kind text collate "C" not null,
  account text collate "C" not null,
  request_id text collate "C",
  intent_id text collate "C",
  eid text collate "C",
  imei text collate "C",
  mdn text collate "C",
  iccid_named text collate "C",
  iccid_reported text collate "C",
  iccid_single boolean not null,
  action text collate "C",
  fact text collate "C" not null,
  requested_at timestamptz,
  observed_at timestamptz not null,
  attempt bigint,
  attempts_max bigint,
  sequence bigint,
  constraint evidence_pkey primary key (evidence_key),
  constraint evidence_key_is_16_bytes check (octet_length(evidence_key) = 16)
);

-- Each ends with the EID, so that one device of a bulk request is found without reading the others.
create index evidence_request on ledger.evidence (request_id, account, eid) where request_id is not null;
create index evidence_intent on ledger.evidence (intent_id, account, eid) where intent_id is not null;

-- What follows ------------------------------------------------------------------------------------------------

create table ledger.operation (
  operation_id uuid not null,
  account text collate "C" not null,
  request_id text collate "C",
  intent_id text collate "C",
  eid text collate "C",
  device text collate "C",
  iccid_target text collate "C",
  action text collate "C",
  state text collate "C" not null,
  final boolean not null,
  facts text[] not null,
  first_seen_at timestamptz not null,
  settled_at timestamptz,
  ordered_at timestamptz not null,
  target_known boolean not null,
  needs_target boolean not null,
  success_iccids text[] not null,
  confirmed boolean not null,
  due_reasons text[] not null,
  version bigint not null,
  constraint operation_pkey primary key (operation_id),
  constraint operation_state_known check (
    state in ('succeeded', 'failed', 'void', 'conflicted', 'unclear', 'held', 'warned', 'submitted',
              'submit_unclear', 'rejected', 'intended')
  ),
  constraint operation_final_fits_state check (final = (state in ('succeeded', 'failed', 'void', 'rejected'))),
  constraint operation_has_request_or_intent check (request_id is not null or intent_id is not null)
);

create index operation_request on ledger.operation (request_id, account, eid) where request_id is not null;
create index operation_intent on ledger.operation (intent_id, account, eid) where intent_id is not null;
create index operation_eid on ledger.operation (eid, ordered_at) where eid is not null;

-- When to ask ThingSpace about an operation: scheduling, outside the fold. next_poll_at null: nothing to ask.
create table ledger.poll (
  operation_id uuid not null,
  polls integer not null default 0,
  next_poll_at timestamptz,
  due_reason text collate "C",
  last_poll_at timestamptz,
  lease_until timestamptz,
  constraint poll_pkey primary key (operation_id),
  constraint poll_count_not_negative check (polls >= 0)
);

create index poll_due on ledger.poll (next_poll_at) where next_poll_at is not null;

-- profile_id is a surrogate because a bootstrap's ICCID may be unknown; the program takes ids by the thousand.
create sequence ledger.profile_id as bigint increment by 1000;

-- The three rules of one EID are checked at commit, since a set-based change passes through states that break them.
create table ledger.profile (
  profile_id bigint not null,
  eid text collate "C" not null,
  account text collate "C" not null,
  iccid text collate "C",
  bootstrap boolean not null,
  state text collate "C" not null,
  possible_states text[] not null,
  certainty text collate "C" not null,
  suspended boolean not null,
  since timestamptz not null,
  operation_id uuid not null,
  version bigint not null,
  constraint profile_pkey primary key (profile_id),
  constraint profile_of_device unique nulls not distinct (eid, iccid) deferrable initially deferred,
  constraint profile_one_enabled exclude using btree (eid with =) where (state = 'enabled')
    deferrable initially deferred,
  constraint profile_one_bootstrap exclude using btree (eid with =) where (bootstrap)
    deferrable initially deferred,
  constraint profile_named_unless_bootstrap check (bootstrap or iccid is not null),
  constraint profile_state_known check (state in ('absent', 'disabled', 'enabled', 'deleted', 'unknown')),
  constraint profile_state_is_the_possible_one check (
    cardinality(possible_states) > 0
    and state = case when cardinality(possible_states) = 1 then possible_states[1] else 'unknown' end
  ),
  constraint profile_certainty_known check (certainty in ('confirmed', 'inferred')),
  constraint profile_suspended_exists check (not (suspended and state in ('absent', 'deleted')))
);

-- Each state of a profile as it was recorded. version is the microsecond of recorded_from.
create table ledger.profile_history (
  eid text collate "C" not null,
  profile_id bigint not null,
  recorded_from timestamptz not null,
  recorded_until timestamptz,
  account text collate "C" not null,
  iccid text collate "C",
  bootstrap boolean not null,
  state text collate "C" not null,
  possible_states text[] not null,
  certainty text collate "C" not null,
  suspended boolean not null,
  since timestamptz not null,
  operation_id uuid not null,
  version bigint not null,
  constraint profile_history_pkey primary key (eid, profile_id, recorded_from),
  constraint profile_history_forward check (recorded_until is null or recorded_until > recorded_from)
);

-- What cannot be used but must not be lost --------------------------------------------------------------------

-- Equal account, reason and bytes give one row; digest is the SHA-256 of bytes. topic, partition, offset and
-- record_key are those of the first copy, so that a replay can produce it again.
create table ledger.quarantine (
  quarantine_id bigint not null generated always as identity,
  reason text collate "C" not null,
  account text collate "C",
  request_id text,
  source_ip text,
  observed_at timestamptz,
  status text collate "C" not null default 'open',
  digest bytea not null,
  bytes bytea not null,
  copies bigint not null,
  error text,
  topic text collate "C" not null,
  partition integer not null,
  "offset" bigint not null,
  record_key bytea,
  recorded_at timestamptz not null,
  last_recorded_at timestamptz not null,
  constraint quarantine_pkey primary key (quarantine_id),
  constraint quarantine_content unique nulls not distinct (digest, reason, account),
  constraint quarantine_status_known check (status in ('open', 'replayed', 'discarded')),
  constraint quarantine_copies_positive check (copies > 0)
);

create index quarantine_open on ledger.quarantine (quarantine_id) where status = 'open';

-- Months of the audit log -------------------------------------------------------------------------------------

-- Makes the partitions of this month and the given number of months ahead; gives back how many it made. Attaching
-- takes a short exclusive lock on the default partition, for which it waits two seconds at most: where a reader
-- holds it, the month is left for the next call, and until then the default partition takes its rows.
create function ledger.ensure_event_partitions(months_ahead integer) returns integer
language plpgsql
security definer
set search_path = pg_catalog, ledger, pg_temp
set lock_timeout = '2s'
set timezone = 'UTC'
as $function$
declare
  month date := date_trunc('month', clock_timestamp())::date;
  partition_name text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('profile-ledger event partitions', 0));
  for step in 0..months_ahead loop
    partition_name := format('event_%s', to_char(month + make_interval(months => step), 'YYYY_MM'));
    continue when to_regclass(format('ledger.%I', partition_name)) is not null;
    begin
      perform ledger.make_event_partition(
        partition_name,
        (month + make_interval(months => step))::date,
        (month + make_interval(months => step + 1))::date
      );
      made := made + 1;
    exception
      when lock_not_available then
        raise warning 'partition % waits for a reader of the audit log; call again later', partition_name;
    end;
  end loop;
  return made;
end
$function$;

-- Rows of that month which the default partition took as safety net move into their own.
create function ledger.make_event_partition(partition_name text, month_from date, month_until date) returns void
language plpgsql
set search_path = pg_catalog, ledger, pg_temp
set timezone = 'UTC'
as $function$
begin
  execute format(
    'create table ledger.%I (like ledger.event including defaults including constraints)'
    ' with (toast_tuple_target = 8160)',
    partition_name
  );
  lock table ledger.event_default in access exclusive mode;
  execute format(
    'with moved as (delete from ledger.event_default where recorded_at >= %L and recorded_at < %L returning *)'
    ' insert into ledger.%I select * from moved',
    month_from, month_until, partition_name
  );
  execute format(
    'alter table ledger.event attach partition ledger.%I for values from (%L) to (%L)',
    partition_name, month_from, month_until
  );
end
$function$;

revoke all on function ledger.ensure_event_partitions(integer) from public;
revoke all on function ledger.make_event_partition(text, date, date) from public;

select ledger.ensure_event_partitions(3);
