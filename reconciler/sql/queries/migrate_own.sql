-- Everything in the schema belongs to profile_owner, whoever runs this. A superuser may act as it already; a role
-- that created it must first make itself a member. Rights that are there are left alone: on a cluster shared by
-- many databases a repeated GRANT would only collide with another runner's.
do $$
declare
  may_act_as text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
  if not pg_has_role(current_user, 'profile_owner', may_act_as) then
    execute format('grant profile_owner to %I', current_user);
  end if;
  if not has_database_privilege('profile_owner', current_database(), 'CREATE') then
    execute format('grant create on database %I to profile_owner', current_database());
  end if;
  if not has_database_privilege('profile_writer', current_database(), 'CONNECT')
     or not has_database_privilege('profile_auditor', current_database(), 'CONNECT') then
    execute format('grant connect on database %I to profile_writer, profile_auditor', current_database());
  end if;
end
$$
