-- $1 accounts, $2 intent ids, $3 request ids.
delete from ledger.link as l
using unnest($1::text[], $2::text[], $3::text[]) as a (account, intent_id, request_id)
where l.intent_id = a.intent_id and l.account = a.account and l.request_id = a.request_id
