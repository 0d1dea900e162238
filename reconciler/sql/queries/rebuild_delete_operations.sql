-- $1 operations that must stand elsewhere than where they were found; their schedule stays.
delete from ledger.operation
where operation_id = any ($1::uuid[])
