select name, stopped_because, stopped_by, stopped_at, resumed_at, proven_at from downstream.target order by name
