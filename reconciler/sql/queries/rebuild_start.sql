-- $1 program, $2 rules, $3 reclassify, $4 why, $5 who.
insert into ledger.rebuild (program, rules, reclassify, why, started_by)
values ($1, $2, $3, $4, $5)
returning rebuild_id
