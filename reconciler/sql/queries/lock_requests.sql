-- $1 scope ('request' or 'intent'), $2 accounts, $3 ids, $4 whether something in the batch names no EID. Makes the
-- rows that are missing and locks those that are there, in the order of their key: a conflicting row is locked also
-- where nothing of it changes. Gives back the rows that were made, and those that had to change.
insert into ledger.request as r (scope, account, id, eidless)
select $1, a.account, a.id, a.eidless
from unnest($2::text[], $3::text[], $4::boolean[]) as a (account, id, eidless)
order by a.account collate "C", a.id collate "C"
on conflict (scope, account, id) do update
set eidless = true
where excluded.eidless and not r.eidless
returning account, id, eidless
