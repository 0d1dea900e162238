insert into downstream.target as stored (name, proven_at)
values ($1, clock_timestamp())
on conflict (name) do update set proven_at = clock_timestamp() where stored.proven_at is null
