-- $1 intent: its answer is on the topic.
update ledger.intent
set said = true, changed_at = clock_timestamp()
where intent_id = $1
