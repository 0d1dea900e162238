-- $1 request ids: the stored links.
select account, intent_id, request_id
from ledger.link
where request_id = any ($1::text[])
