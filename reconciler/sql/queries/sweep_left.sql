-- $1 accounts, $2 how far apart two polls of one operation are at least: how many operations are due there.
select count(*)
from ledger.poll
where account = any ($1::text[])
  and next_poll_at <= statement_timestamp()
  and (last_poll_at is null or last_poll_at <= statement_timestamp() - $2::interval)
