-- $1 intent, $2 the state it must be in, $3 the state it gets, $4 request id, $5 code, $6 text. No row: it was not.
update ledger.intent
set state = $3,
    request_id = $4,
    error_code = $5,
    error_text = $6,
    said = false,
    changed_at = clock_timestamp()
where intent_id = $1 and state = $2
returning intent_id
