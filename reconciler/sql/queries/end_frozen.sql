-- $1 seconds. Ends the sessions of reconcilers, and of their commands, whose client has stood still for so long in the
-- middle of a statement, as in a COPY: no time limit of the server does, and what such a session has locked stays so.
select pg_terminate_backend(pid)
from pg_stat_activity
where datname = current_database()
  and usename = session_user
  and application_name like 'profile-reconciler%'
  and pid <> pg_backend_pid()
  and state = 'active'
  and wait_event_type = 'Client'
  and query_start < clock_timestamp() - make_interval(secs => $1::double precision)
