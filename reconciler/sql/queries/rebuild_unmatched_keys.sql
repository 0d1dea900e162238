-- The next keys above $1 of what names neither a request nor an intent; $2 is the greatest id with the key $1. $3 rows.
select distinct evidence_key
from (
  select evidence_key
  from (
    (
      select substring(event_id from 1 for 16) as evidence_key
      from ledger.event
      where request_id is null and intent_id is null and event_id > $2
      order by event_id
      limit $3
    )
    union all
    (
      select evidence_key
      from ledger.evidence
      where request_id is null and intent_id is null and evidence_key > $1
      order by evidence_key
      limit $3
    )
  ) as found
  order by evidence_key
  limit $3
) as first
order by evidence_key
