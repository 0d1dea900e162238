-- Roles belong to the whole cluster, so another database's runner may be creating them at this moment; both must
-- end with the role there. Without passwords: an operator gives each its password or certificate.
do $$
declare
  wanted text;
begin
  foreach wanted in array array['profile_owner', 'profile_writer', 'profile_auditor'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I login', wanted);
      exception
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
end
$$
