-- Each recorded event with all that its evidence is made of: the columns of its first copy, what all copies come to,
-- and what later rules made of it. Read by event_id, request_id or intent_id, each by its index.
create view ledger.recorded_event as
select
  substring(event.event_id from 1 for 16) as evidence_key,
  event.kind,
  event.account,
  event.request_id,
  event.intent_id,
  event.eid,
  event.imei,
  event.mdn,
  event.iccid_named,
  event.iccid_reported,
  event.iccid_single,
  event.action,
  event.fact,
  event.requested_at,
  event.observed_at,
  event.attempt,
  event.attempts_max,
  event.sequence,
  event.rules,
  copies.least_observed_at,
  copies.greatest_attempt,
  copies.least_attempts_max,
  copies.differing,
  later.later_rules,
  later.later_facts,
  later.later_actions,
  event.event_id,
  event.body
from ledger.event as event
cross join lateral (
  select
    min(copy.observed_at) as least_observed_at,
    max(copy.attempt) as greatest_attempt,
    min(copy.attempts_max) as least_attempts_max,
    coalesce(array_agg(copy.differs::text) filter (where copy.differs is not null), '{}') as differing
  from ledger.delivery as copy
  where copy.event_id = event.event_id and not coalesce(copy.differs ? 'apart', false)
) as copies
cross join lateral (
  select
    coalesce(array_agg(word.rules), '{}') as later_rules,
    coalesce(array_agg(word.fact), '{}') as later_facts,
    coalesce(array_agg(word.action), '{}') as later_actions
  from ledger.reclassification as word
  where word.evidence_key = substring(event.event_id from 1 for 16)
) as later;

grant select on ledger.recorded_event to profile_writer;
