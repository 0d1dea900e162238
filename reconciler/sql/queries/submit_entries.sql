-- $1 orders: the last intent of each of them that has one.
select distinct on (order_key)
  intent_id, order_key, attempt, account, eid, iccid, imei, action, state, said, request_id, error_code, error_text,
  requested_by, requested_at, flags, remark
from ledger.intent
where order_key = any ($1::text[])
order by order_key, attempt desc
