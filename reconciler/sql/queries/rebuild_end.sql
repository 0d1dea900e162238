-- $1 rebuild, $2 events folded, $3 rows replaced.
insert into ledger.rebuild_end (rebuild_id, events, changes)
values ($1, $2, $3)
