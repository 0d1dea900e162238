-- Schema audit: what people and other programs may read. The tables behind it may change; these names stay.
--
-- The views belong to profile_owner and read with its rights, so that a reader needs no access to schema ledger.
-- Ids that are hashes are shown in hex, so that people can read and paste them; event_id_bytes is the same id in the
-- form that the tables are indexed by. Times are timestamptz. body is the UTF-8 text of a JSON document: cast it to
-- jsonb to look inside (a body with \u0000 in a string must be read as text, or cast to json).

create schema audit;

create view audit.schema_migrations as
select version, name, sha256, applied_at
from ledger.schema_migration;

-- One row per distinct event. signal is what a callback or poll says of its operation; fact is the same for these,
-- and the phase of a request or the word of a decision for the others. iccid_target, operation_id and outcome are
-- what was concluded when the event arrived; nothing rewrites them.
create view audit.events as
select
  encode(event_id, 'hex') as event_id,
  kind,
  account,
  request_id,
  intent_id,
  eid,
  imei,
  mdn,
  iccid_named,
  iccid_reported,
  iccid_target,
  action,
  case when kind in ('callback', 'poll') then fact end as signal,
  fact,
  outcome,
  operation_id,
  requested_at,
  observed_at,
  recorded_at,
  attempt,
  attempts_max,
  sequence,
  service,
  producer,
  rules,
  flags,
  partition,
  "offset",
  chain_position,
  encode(chain_hash, 'hex') as chain_hash,
  encode(body_digest, 'hex') as body_digest,
  convert_from(body, 'UTF8') as body,
  event_id as event_id_bytes
from ledger.event;

-- What the audit chain is computed over, as it is stored: the columns of reconciler/chain.py, and what proves them.
create view audit.event_chain as
select
  event_id,
  kind,
  account,
  request_id,
  intent_id,
  eid,
  imei,
  mdn,
  iccid_named,
  iccid_reported,
  iccid_single,
  iccid_target,
  action,
  fact,
  requested_at,
  observed_at,
  attempt,
  attempts_max,
  sequence,
  service,
  producer,
  rules,
  flags,
  outcome,
  operation_id,
  partition,
  "offset",
  chain_position,
  recorded_at,
  body_digest,
  chain_hash,
  body_salt,
  body
from ledger.event;

-- One row per copy of an event that reached Kafka.
create view audit.deliveries as
select
  encode(delivery.event_id, 'hex') as event_id,
  evidence.account,
  delivery.attempt,
  delivery.attempts_max,
  delivery.source_ip,
  delivery.observed_at,
  delivery.partition,
  delivery."offset",
  delivery.event_id as event_id_bytes
from ledger.delivery as delivery
left join ledger.evidence as evidence
  on evidence.evidence_key = substring(delivery.event_id from 1 for 16);

-- What each event comes down to when operations are folded; evidence_key is the first half of its event id.
create view audit.evidence as
select
  evidence_key,
  kind,
  account,
  request_id,
  intent_id,
  eid,
  imei,
  mdn,
  iccid_named,
  iccid_reported,
  iccid_single,
  action,
  fact,
  requested_at,
  observed_at,
  attempt,
  attempts_max,
  sequence
from ledger.evidence;

create view audit.offsets as
select
  topic,
  partition,
  next_offset,
  last_event_id,
  chain_events,
  encode(chain_head, 'hex') as chain_head,
  updated_at
from ledger.consumer_offset;

-- overdue: not final, or without the target that its effect needs, five minutes after it was first known (the first
-- step of the default schedule). abandoned: the same after 30 days, when nobody asks ThingSpace any more.
create view audit.operations as
select
  operation.operation_id,
  operation.account,
  operation.request_id,
  operation.intent_id,
  operation.eid,
  operation.device,
  operation.iccid_target,
  operation.action,
  operation.state,
  operation.final,
  operation.facts,
  operation.first_seen_at,
  operation.settled_at,
  coalesce(poll.polls, 0) as polls,
  poll.next_poll_at,
  open.unsettled and operation.first_seen_at <= now() - interval '5 minutes' as overdue,
  open.unsettled and operation.first_seen_at <= now() - interval '30 days' as abandoned,
  operation.version,
  operation.ordered_at,
  operation.target_known,
  poll.last_poll_at,
  poll.due_reason
from ledger.operation as operation
left join ledger.poll as poll on poll.operation_id = operation.operation_id
cross join lateral (
  select not operation.final or (operation.needs_target and not operation.target_known) as unsettled
) as open;

create view audit.profiles as
select
  account,
  eid,
  iccid,
  bootstrap,
  state,
  possible_states,
  certainty,
  suspended,
  since,
  operation_id,
  version,
  profile_id
from ledger.profile;

create view audit.profile_history as
select
  account,
  eid,
  iccid,
  bootstrap,
  state,
  possible_states,
  certainty,
  suspended,
  since,
  operation_id,
  version,
  recorded_from,
  recorded_until,
  profile_id
from ledger.profile_history;

create view audit.quarantine as
select
  quarantine_id,
  reason,
  account,
  request_id,
  source_ip,
  observed_at,
  status,
  bytes,
  copies,
  error,
  encode(digest, 'hex') as digest,
  topic,
  partition,
  "offset",
  recorded_at,
  last_recorded_at
from ledger.quarantine;

-- For questions about a span of time: next to nothing to keep up, and the log is written in this order.
create index event_recorded on ledger.event using brin (recorded_at) with (autosummarize = on);
