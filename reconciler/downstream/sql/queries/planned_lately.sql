-- $1 target, $2 account, $3 since when: deletions that were planned, and the devices that are mapped.
select
  (select count(*) from downstream.job
   where target = $1 and account = $2 and sends = 0
     and state not in ('denied', 'too_old', 'cancelled', 'merged', 'dry_run')
     and created_at > greatest($3, (select resumed_at from downstream.target where name = $1)))
  +
  (select count(*) from downstream.job
   where target = $1 and account = $2 and sends > 0
     and created_at > greatest($3, (select resumed_at from downstream.target where name = $1))) as planned,
  (select count(*) from downstream.mapping where target = $1 and account = $2 and enabled) as mapped
