-- What folding the audit log again needs, and what is kept of having done so.
--
-- rules: the version of the signal rules that gave fact and action; every event so far was read by version 1.
-- differs: what a further copy of an event changed in its evidence beside time and attempts, so that the evidence is a
-- function of what was recorded.

alter table ledger.evidence
  add column rules integer not null default 1;

alter table ledger.delivery
  add column differs jsonb;

-- Events that name neither a request nor an intent are few, and only these indexes find them.
create index event_unmatched on ledger.event (event_id) where request_id is null and intent_id is null;
create index evidence_unmatched on ledger.evidence (evidence_key) where request_id is null and intent_id is null;

-- What later rules make of a recorded callback. It counts like one more copy of the event: the newest rules are
-- believed. The event itself keeps what was said when it arrived.
create table ledger.reclassification (
  evidence_key bytea not null,
  rules integer not null,
  fact text collate "C" not null,
  action text collate "C",
  rebuild_id bigint not null,
  constraint reclassification_pkey primary key (evidence_key, rules),
  constraint reclassification_key_is_16_bytes check (octet_length(evidence_key) = 16)
);

-- One row when a rebuild starts, one when it ends, one for each row that it replaced: append-only.
create table ledger.rebuild (
  rebuild_id bigint not null generated always as identity,
  program text not null,
  rules integer not null,
  reclassify boolean not null,
  why text,
  started_by text not null,
  started_as text not null default session_user,
  started_at timestamptz not null default clock_timestamp(),
  constraint rebuild_pkey primary key (rebuild_id)
);

create table ledger.rebuild_end (
  rebuild_id bigint not null,
  events bigint not null,
  changes bigint not null,
  ended_at timestamptz not null default clock_timestamp(),
  constraint rebuild_end_pkey primary key (rebuild_id)
);

-- said: by column, what stood there and what stands there now; empty where a row was added or removed as a whole.
create table ledger.rebuild_change (
  rebuild_id bigint not null,
  table_name text collate "C" not null,
  row_name text collate "C" not null,
  change text collate "C" not null,
  account text collate "C",
  request_id text collate "C",
  eid text collate "C",
  said jsonb not null,
  changed_at timestamptz not null default clock_timestamp(),
  constraint rebuild_change_known check (change in ('missing', 'unexpected', 'different'))
);

create index rebuild_change_of on ledger.rebuild_change (rebuild_id);

grant select, insert on
  ledger.reclassification,
  ledger.rebuild,
  ledger.rebuild_end,
  ledger.rebuild_change
to profile_writer;

create or replace view audit.deliveries as
select
  encode(delivery.event_id, 'hex') as event_id,
  evidence.account,
  delivery.attempt,
  delivery.attempts_max,
  delivery.source_ip,
  delivery.observed_at,
  delivery.partition,
  delivery."offset",
  delivery.event_id as event_id_bytes,
  delivery.differs
from ledger.delivery as delivery
left join ledger.evidence as evidence
  on evidence.evidence_key = substring(delivery.event_id from 1 for 16);

create or replace view audit.evidence as
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
  sequence,
  rules
from ledger.evidence;

-- ended_at null: it is at work, or was cut off; what it changed until then is whole.
create view audit.rebuilds as
select
  rebuild.rebuild_id,
  rebuild.program,
  rebuild.rules,
  rebuild.reclassify,
  rebuild.why,
  rebuild.started_by,
  rebuild.started_as,
  rebuild.started_at,
  ended.ended_at,
  ended.events,
  ended.changes
from ledger.rebuild as rebuild
left join ledger.rebuild_end as ended using (rebuild_id);

create view audit.rebuild_changes as
select
  rebuild_id,
  table_name,
  row_name,
  change,
  account,
  request_id,
  eid,
  said,
  changed_at
from ledger.rebuild_change;

create view audit.reclassifications as
select
  reclassification.evidence_key,
  evidence.account,
  reclassification.rules,
  reclassification.fact,
  reclassification.action,
  reclassification.rebuild_id
from ledger.reclassification as reclassification
left join ledger.evidence as evidence using (evidence_key);
