-- What a person decided about where a partition goes on, when Kafka no longer fitted what was stored: append-only,
-- so that whoever reads the audit log knows of every place where records may be missing.
--
-- records_missing: gone from Kafka before they were applied; null where nobody can know (another topic stands there
-- now). records_skipped: still in Kafka, and passed over on purpose. The audit chain goes on over the decision:
-- chain_events and chain_head are its end at that moment.

create table ledger.offset_decision (
  decision_id bigint not null generated always as identity,
  decision text collate "C" not null,
  topic text collate "C" not null,
  partition integer not null,
  found text collate "C" not null,
  offset_before bigint not null,
  offset_after bigint not null,
  last_event_id_before text collate "C",
  kafka_first bigint not null,
  kafka_end bigint not null,
  records_missing bigint,
  records_skipped bigint not null,
  chain_events bigint not null,
  chain_head bytea not null,
  why text,
  decided_by text not null,
  decided_as text not null default session_user,
  decided_at timestamptz not null default clock_timestamp(),
  constraint offset_decision_pkey primary key (decision_id),
  constraint offset_decision_known check (decision in ('reset', 'accept-gap'))
);

grant select, insert on ledger.offset_decision to profile_writer;

create view audit.offset_decisions as
select
  decision_id,
  decision,
  topic,
  partition,
  found,
  offset_before,
  offset_after,
  last_event_id_before,
  kafka_first,
  kafka_end,
  records_missing,
  records_skipped,
  chain_events,
  encode(chain_head, 'hex') as chain_head,
  why,
  decided_by,
  decided_as,
  decided_at
from ledger.offset_decision;
