-- The next intent ids above $1, as rebuild_request_ids.sql.
select distinct id
from (
  select id
  from (
    (select intent_id as id from ledger.event where intent_id > $1 order by intent_id limit $2)
    union all
    (select intent_id from ledger.evidence where intent_id > $1 order by intent_id limit $2)
    union all
    (select intent_id from ledger.operation where intent_id > $1 order by intent_id limit $2)
  ) as found (id)
  order by id
  limit $2
) as first
order by id
