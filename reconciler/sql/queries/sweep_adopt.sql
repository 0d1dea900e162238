-- Rows of a reconciler from before this column.
update ledger.poll as poll
set account = operation.account
from ledger.operation as operation
where poll.account is null and operation.operation_id = poll.operation_id
