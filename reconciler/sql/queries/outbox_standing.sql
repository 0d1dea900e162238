-- How many rows wait, and since which microsecond the first of them does.
select count(*) as waiting, (select version from ledger.outbox order by outbox_id limit 1) as oldest
from ledger.outbox
