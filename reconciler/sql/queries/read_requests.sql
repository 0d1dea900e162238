-- $1 accounts, $2 request ids: those that exist, and the intents that became them.
select
  r.account,
  r.id,
  r.eidless,
  array(
    select l.intent_id
    from ledger.link as l
    where l.request_id = r.id and l.account = r.account
  ) as linked
from unnest($1::text[], $2::text[]) as a (account, id)
join ledger.request as r on r.scope = 'request' and r.account = a.account and r.id = a.id
