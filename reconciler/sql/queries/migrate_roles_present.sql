select rolname
from pg_roles
where rolname in ('profile_owner', 'profile_writer', 'profile_auditor')
