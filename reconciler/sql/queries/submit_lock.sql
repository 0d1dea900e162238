-- $1 what is submitted: whether this session alone does it from now on, until it ends.
select pg_try_advisory_lock(hashtextextended('profile-reconciler submit ' || $1, 0))
