-- $1 operation, $2 the lease's end, $3 when it was asked about before: nothing was asked, so the number is free again.
update ledger.poll
set lease_until = null,
    polls = polls - 1,
    last_poll_at = $3::timestamptz
where operation_id = $1::uuid and lease_until = $2::timestamptz
