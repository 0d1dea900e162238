-- $1 the deadline, $2 intents at most: those of our own `submit` whose answer is kept, but not on the topic.
select
  intent_id, order_key, attempt, account, eid, iccid, imei, action, state, said, request_id, error_code, error_text,
  requested_by, requested_at, flags, remark
from ledger.intent
where not said
  and state in ('sent', 'rejected', 'unclear', 'withdrawn')
  and changed_at <= now() - $1::interval
order by changed_at, intent_id
limit $2
