-- The next EIDs above $1, as rebuild_request_ids.sql.
select distinct eid
from (
  select eid
  from (
    (select eid from ledger.operation where eid > $1 order by eid limit $2)
    union all
    (select eid from ledger.profile where eid > $1 order by eid limit $2)
    union all
    (select eid from ledger.profile_history where eid > $1 order by eid limit $2)
  ) as found
  order by eid
  limit $2
) as first
order by eid
