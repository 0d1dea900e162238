-- $1 operations about which nothing is left to ask; the number of polls stays.
update ledger.poll as p
set next_poll_at = null,
    due_reason = null
where p.operation_id = any ($1::uuid[])
