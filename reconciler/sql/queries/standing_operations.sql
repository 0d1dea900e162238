-- Operations by state; overdue leaves out what was abandoned, which nobody asks about any more.
select
  state,
  count(*) as operations,
  count(*) filter (where overdue and not abandoned) as overdue,
  count(*) filter (where abandoned) as abandoned
from audit.operations
group by state
