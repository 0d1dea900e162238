-- $1 EIDs. Makes and locks as lock_requests.sql does; gives back the rows that were made.
insert into ledger.device as d (eid)
select a.eid
from unnest($1::text[]) as a (eid)
order by a.eid collate "C"
on conflict (eid) do update
set eid = excluded.eid
where false
returning eid
