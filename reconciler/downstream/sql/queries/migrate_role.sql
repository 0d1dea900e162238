-- Another database's runner may be creating it at this very moment.
do $$
begin
  if not exists (select from pg_roles where rolname = 'profile_downstream') then
    create role profile_downstream login;
  end if;
exception
  when duplicate_object or unique_violation then null;
end
$$
