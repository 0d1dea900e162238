-- $1 operations that vanish because more is known now, and their schedule with them.
with schedule as (
  delete from ledger.poll as p
  where p.operation_id = any ($1::uuid[])
)
delete from ledger.operation as o
where o.operation_id = any ($1::uuid[])
