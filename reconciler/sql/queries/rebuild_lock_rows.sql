-- $1 scope, $2 accounts, $3 ids.
select r.account, r.id, r.eidless
from unnest($2::text[], $3::text[]) as a (account, id)
join ledger.request as r on r.scope = $1 and r.account = a.account and r.id = a.id
