-- $1 id, $2 what was done, $3-$5 where the record went, $6 why, $7 who. The row is locked.
with settled as (
  update ledger.quarantine
  set status = $2
  where quarantine_id = $1
  returning quarantine_id, copies
)
insert into ledger.quarantine_action (quarantine_id, action, copies, topic, partition, "offset", why, done_by)
select quarantine_id, $2, copies, $3, $4, $5, $6, $7
from settled
