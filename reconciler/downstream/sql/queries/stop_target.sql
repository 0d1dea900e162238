-- $1 target, $2 why, $3 who. The first cause stays. Gives back a row where it was not stopped before.
insert into downstream.target as stored (name, stopped_because, stopped_by, stopped_at)
values ($1, $2, $3, clock_timestamp())
on conflict (name) do update
  set stopped_because = excluded.stopped_because, stopped_by = excluded.stopped_by, stopped_at = clock_timestamp()
  where stored.stopped_because is null
returning name
