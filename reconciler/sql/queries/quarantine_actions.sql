-- $1 id: what was done with it, oldest first.
select action, copies, topic, partition, "offset", why, done_by, done_as, done_at
from ledger.quarantine_action
where quarantine_id = $1
order by action_id
