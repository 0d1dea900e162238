-- $1 accounts, $2 intent ids: those that exist, and the requests that they became.
select
  r.account,
  r.id,
  r.eidless,
  array(
    select l.request_id
    from ledger.link as l
    where l.intent_id = r.id and l.account = r.account
  ) as linked
from unnest($1::text[], $2::text[]) as a (account, id)
join ledger.request as r on r.scope = 'intent' and r.account = a.account and r.id = a.id
