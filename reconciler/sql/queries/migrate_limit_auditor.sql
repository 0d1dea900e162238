-- An audit query must not hold back vacuum for hours. Set for the role itself, so that a restored or copied database
-- has the limit too; another database's runner may be setting it at this very moment.
do $$
begin
  if not exists (
    select
    from pg_roles
    where rolname = 'profile_auditor' and array_to_string(rolconfig, ',') like '%statement_timeout=%'
  ) then
    alter role profile_auditor set default_transaction_read_only = on;
    alter role profile_auditor set statement_timeout = '60s';
  end if;
exception
  when unique_violation or internal_error then null;
end
$$
