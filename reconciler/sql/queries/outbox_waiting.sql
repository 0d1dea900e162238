-- $1 rows. The first that are committed: a row may come that has a lower id than one sent before.
select outbox_id, kind, key, version, cause, eid, operation_id, value
from ledger.outbox
order by outbox_id
limit $1
