-- $1 rebuild, $2 keys, $3 versions of the rules, $4 facts, $5 actions.
insert into ledger.reclassification (evidence_key, rules, fact, action, rebuild_id)
select a.evidence_key, a.rules, a.fact, a.action, $1
from unnest($2::bytea[], $3::integer[], $4::text[], $5::text[]) as a (evidence_key, rules, fact, action)
on conflict (evidence_key, rules) do nothing
