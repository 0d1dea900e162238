-- $1 operation, $2 the lease's end, $3 the next look by the schedule, or null. A look that something new asked for in the
-- meantime stays; of an operation that was settled in the meantime there is none.
update ledger.poll
set lease_until = null,
    due_reason = case when next_poll_at > last_poll_at then due_reason end,
    next_poll_at = case
      when next_poll_at is null then null
      when next_poll_at > last_poll_at then least(next_poll_at, $3::timestamptz)
      else $3::timestamptz
    end
where operation_id = $1::uuid and lease_until = $2::timestamptz
