-- An audit query must not hold back vacuum for hours. Kept per database, so that others are left alone.
do $$
begin
  if not exists (
    select
    from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
      and setrole = 'profile_auditor'::regrole
      and array_to_string(setconfig, ',') like '%statement_timeout=%'
  ) then
    execute format('alter role profile_auditor in database %I set statement_timeout = %L', current_database(), '60s');
    execute format('alter role profile_auditor in database %I set default_transaction_read_only = on', current_database());
  end if;
end
$$
