-- $1 intent ids: every intent that some event names, and which request it became by that event.
select distinct account, intent_id, case when kind = 'request' then request_id end as request_id
from ledger.event
where intent_id = any ($1::text[])
