-- $1 request id: what audit_request_events gives, as the fold reads it.
with intents as (
  select distinct account, intent_id
  from audit.evidence
  where request_id = $1 and intent_id is not null
),
concerned as (
  select * from audit.evidence where request_id = $1
  union all
  select evidence.*
  from intents
  join audit.evidence as evidence using (account, intent_id)
  where evidence.request_id is null
)
select
  evidence_key, kind, account, request_id, intent_id, eid, imei, mdn, iccid_named, iccid_reported, iccid_single,
  action, fact, requested_at, observed_at, attempt, attempts_max, sequence, rules
from concerned
order by account, evidence_key
