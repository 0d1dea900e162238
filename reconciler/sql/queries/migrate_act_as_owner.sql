set role profile_owner
