-- What `submit` means to ask, is asking, and has asked. Scheduling beside the fold: what counts are the events.
--
-- intent: one row for each try of an order, written before anything is said or sent. state is moved to `sending` right
-- before the one request that is ever made for the row, so a row found there by anybody else was cut off, and nobody
-- knows what became of it. withdrawn: it was certainly not sent; the same order gets a new row when it is submitted
-- again. said: the event about the answer is on the topic.
create table ledger.intent (
  intent_id text collate "C" not null,
  order_key text collate "C" not null,
  attempt integer not null,
  account text collate "C" not null,
  eid text collate "C",
  iccid text collate "C",
  imei text collate "C",
  action text collate "C" not null,
  state text collate "C" not null,
  said boolean not null default false,
  request_id text collate "C",
  error_code text,
  error_text text,
  requested_by text not null,
  requested_at timestamptz not null,
  flags text[] not null,
  remark text,
  changed_at timestamptz not null default clock_timestamp(),
  constraint intent_pkey primary key (intent_id),
  constraint intent_of_order unique (order_key, attempt),
  constraint intent_state_known check (
    state in ('intended', 'sending', 'sent', 'rejected', 'unclear', 'withdrawn')
  ),
  constraint intent_sent_has_request check ((state = 'sent') = (request_id is not null))
);

create index intent_unfinished on ledger.intent (changed_at) where not said;

-- One operation in flight for each eUICC. device: its EID, or the ICCID where no EID is known.
create table ledger.lease (
  device text collate "C" not null,
  intent_id text collate "C" not null,
  account text collate "C" not null,
  taken_by text not null,
  taken_at timestamptz not null,
  until timestamptz not null,
  constraint lease_pkey primary key (device)
);

grant select, insert, update on ledger.intent, ledger.lease to profile_writer;

create view audit.intents as
select
  intent_id,
  account,
  eid,
  iccid,
  imei,
  action,
  state,
  said,
  request_id,
  error_code,
  error_text,
  requested_by,
  requested_at,
  flags,
  remark,
  changed_at,
  clock_timestamp() - changed_at as age,
  order_key,
  attempt
from ledger.intent;

create view audit.leases as
select device, intent_id, account, taken_by, taken_at, until
from ledger.lease;
