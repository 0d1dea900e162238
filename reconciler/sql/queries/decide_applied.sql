-- $1 the first 16 bytes of an event's id, $2 operation: its state now, and whether the event has been applied.
select
  operation.state,
  exists (select from ledger.evidence where evidence_key = $1) as applied
from ledger.operation as operation
where operation.operation_id = $2::uuid
