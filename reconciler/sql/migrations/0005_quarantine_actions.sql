-- What people did with the quarantine, and what a replay needs to know of the first copy.
--
-- service: the ThingSpace service whose callback it was. ce_type: the record's header of that name, which tells
-- versions of an event apart. Rows from before have neither.

alter table ledger.quarantine
  add column service text,
  add column ce_type text;

-- Append-only: who did what, when. Where a replayed record went, Kafka's place of it is kept.
create table ledger.quarantine_action (
  action_id bigint not null generated always as identity,
  quarantine_id bigint not null,
  action text collate "C" not null,
  copies bigint not null,
  topic text collate "C",
  partition integer,
  "offset" bigint,
  why text,
  done_by text not null,
  done_as text not null default session_user,
  done_at timestamptz not null default clock_timestamp(),
  constraint quarantine_action_pkey primary key (action_id),
  constraint quarantine_action_known check (action in ('replayed', 'discarded'))
);

create index quarantine_action_of on ledger.quarantine_action (quarantine_id);

grant select, insert on ledger.quarantine_action to profile_writer;

create or replace view audit.quarantine as
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
  last_recorded_at,
  service,
  ce_type
from ledger.quarantine;

-- copies: how many there were at that moment; more of them later open a replayed row again.
create view audit.quarantine_actions as
select
  action.action_id,
  action.quarantine_id,
  quarantine.account,
  quarantine.reason,
  action.action,
  action.copies,
  action.topic,
  action.partition,
  action."offset",
  action.why,
  action.done_by,
  action.done_as,
  action.done_at
from ledger.quarantine_action as action
left join ledger.quarantine as quarantine using (quarantine_id);
