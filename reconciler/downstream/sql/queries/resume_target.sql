insert into downstream.target as stored (name, resumed_at)
values ($1, clock_timestamp())
on conflict (name) do update
  set stopped_because = null, stopped_by = null, stopped_at = null, resumed_at = clock_timestamp()
