-- Written before anything is said or sent; there already: nothing changes.
insert into ledger.intent (
  intent_id, order_key, attempt, account, eid, iccid, imei, action, state, requested_by, requested_at, flags, remark
)
values ($1, $2, $3, $4, $5, $6, $7, $8, 'intended', $9, $10, $11, $12)
on conflict do nothing
