-- Which topic an offset belongs to: a topic that is deleted and made anew has the old name and another id. Null in rows
-- from before, until the partition is given to a reconciler the next time.
alter table ledger.consumer_offset add column topic_id text collate "C";

create or replace view audit.offsets as
select
  topic,
  partition,
  next_offset,
  last_event_id,
  chain_events,
  encode(chain_head, 'hex') as chain_head,
  updated_at,
  topic_id
from ledger.consumer_offset;

-- topic_id_before is the one that was stored, topic_id_after the one that Kafka had when it was decided.
alter table ledger.offset_decision
  add column topic_id_before text collate "C",
  add column topic_id_after text collate "C";

create or replace view audit.offset_decisions as
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
  decided_at,
  topic_id_before,
  topic_id_after
from ledger.offset_decision;
