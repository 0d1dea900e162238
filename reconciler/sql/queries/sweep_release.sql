-- $1 operation, $2 the lease's end: asked, but the answer may not be on the topic. It is due as before, its number spent.
update ledger.poll
set lease_until = null
where operation_id = $1::uuid and lease_until = $2::timestamptz
