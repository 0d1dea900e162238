-- What the sweep needs to find its work: whose operation it is, and when a refused callback last led to a look.
--
-- account: that of the operation, so that an account whose logins are refused, or that nobody configured, keeps
-- nobody else waiting. A reconciler from before leaves it out; the sweep adds it.

alter table ledger.poll
  add column account text collate "C",
  add column refused_at timestamptz;

update ledger.poll as poll
set account = operation.account
from ledger.operation as operation
where operation.operation_id = poll.operation_id;

-- The looks that something new asks for go before the looks of the schedule.
drop index ledger.poll_due;
create index poll_due on ledger.poll (account, next_poll_at) where next_poll_at is not null and due_reason is null;
create index poll_wanted on ledger.poll (account, next_poll_at)
  where next_poll_at is not null and due_reason is not null;
create index poll_asked on ledger.poll (account, last_poll_at) where last_poll_at is not null;
create index poll_of_nobody on ledger.poll (operation_id) where account is null;

-- What is open, oldest first: few of very many.
create index operation_open on ledger.operation (first_seen_at, operation_id)
  where not final or (needs_target and not target_known);
create index operation_intended on ledger.operation (first_seen_at, operation_id)
  where request_id is null and not final;

create index quarantine_refused on ledger.quarantine (last_recorded_at)
  where reason = 'unauthenticated' and request_id is not null;
