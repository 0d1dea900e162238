"""The spool's tables and every statement on them.

A row is an id and a frame (`frame`); whether its origin was proven is read from the frame. `total` is
one row that each transaction brings up to date, so that nobody ever counts a long queue.
"""

from typing import Final

FORMAT: Final = 1
CREATE: Final = """
create table waiting (
    id integer primary key,
    frame blob not null,
    proven integer as (substr(frame, 5, 1) = x'01')
) strict;
create table dead (
    id integer primary key,
    buried_us integer not null,
    reason text not null,
    frame blob not null,
    proven integer as (substr(frame, 5, 1) = x'01')
) strict;
create table total (
    one integer primary key check (one = 1),
    next_id integer not null,
    records integer not null,
    bytes integer not null,
    dead integer not null,
    dead_bytes integer not null,
    unproven_bytes integer not null
) strict;
insert into total values (1, 1, 0, 0, 0, 0, 0);
"""
TOTALS: Final = "select next_id, records, bytes, dead, dead_bytes, unproven_bytes from total"
SAVE_TOTALS: Final = """
update total set next_id = ?, records = ?, bytes = ?, dead = ?, dead_bytes = ?, unproven_bytes = ?
"""
APPEND: Final = "insert into waiting (id, frame) select ? + rowid, value from carray(?)"
"""One statement for any number of rows: each step of a statement costs a turn of the interpreter's lock."""
READ: Final = "select id, frame from waiting where id > ? order by id limit ?"
OLDEST: Final = "select substr(frame, 1, 64) from waiting order by id limit 1"
WEIGH_WAITING: Final = """
select count(*), coalesce(sum(length(frame)), 0), coalesce(sum(length(frame)) filter (where not proven), 0)
from waiting where id in (select value from carray(?))
"""
REMOVE: Final = "delete from waiting where id in (select value from carray(?))"
BURY: Final = (
    "insert into dead (id, buried_us, reason, frame) select id, ?, ?, frame from waiting where id = ?"
)
DEAD: Final = "select id, buried_us, reason, frame from dead where id > ? order by id limit ?"
DEAD_ONE: Final = "select id, buried_us, reason, frame from dead where id = ?"
WEIGH_DEAD: Final = """
select count(*), coalesce(sum(length(frame)), 0), coalesce(sum(length(frame)) filter (where not proven), 0)
from dead where id in (select value from carray(?))
"""
DROP: Final = "delete from dead where id in (select value from carray(?))"
RESTORE_WAITING: Final = "insert or ignore into waiting (id, frame) values (?, ?)"
RESTORE_DEAD: Final = "insert or ignore into dead (id, buried_us, reason, frame) values (?, ?, ?, ?)"
FORGET_BURIED: Final = "delete from waiting where id in (select id from dead)"
RECOUNT: Final = """
update total set
    next_id = max(
        ?, 1 + coalesce((select max(id) from waiting), 0), 1 + coalesce((select max(id) from dead), 0)
    ),
    records = (select count(*) from waiting),
    bytes = (select coalesce(sum(length(frame)), 0) from waiting),
    dead = (select count(*) from dead),
    dead_bytes = (select coalesce(sum(length(frame)), 0) from dead),
    unproven_bytes = (select coalesce(sum(length(frame)), 0) from waiting where not proven)
        + (select coalesce(sum(length(frame)), 0) from dead where not proven)
"""
