-- $1 mapping: the target has shown it to be there.
update downstream.mapping set verified_at = clock_timestamp() where mapping_id = $1
