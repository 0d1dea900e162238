-- $1 months ahead.
select ledger.ensure_event_partitions($1)
