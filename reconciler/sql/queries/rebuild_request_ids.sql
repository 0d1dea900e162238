-- The next request ids above $1, from the first $2 rows that have any: each table is read by its index.
select distinct id
from (
  select id
  from (
    (select request_id as id from ledger.event where request_id > $1 order by request_id limit $2)
    union all
    (select request_id from ledger.evidence where request_id > $1 order by request_id limit $2)
    union all
    (select request_id from ledger.operation where request_id > $1 order by request_id limit $2)
    union all
    (select request_id from ledger.link where request_id > $1 order by request_id limit $2)
  ) as found (id)
  order by id
  limit $2
) as first
order by id
