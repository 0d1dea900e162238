-- $1 accounts, $2 intent ids, $3 request ids, in the order of the key.
insert into ledger.link (account, intent_id, request_id)
select *
from unnest($1::text[], $2::text[], $3::text[])
on conflict (intent_id, account, request_id) do nothing
