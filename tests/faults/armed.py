"""A test build of a program: `python -m tests.faults.armed profile-receiver serve`.

The product as it is, but what stands at the place that PROFILE_KILL_AT names is wrapped by a fuse. When the
place is reached for the N-th time, the process says where it is and is gone, without a last wish.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import asyncpg.connection

import receiver.__main__
import reconciler.__main__
import reconciler.postgres.ledger
from receiver.answers import STORED
from receiver.connection import Connection
from receiver.handlers import Callbacks
from receiver.kafka import KafkaBroker
from receiver.lane import Lane
from receiver.spool.disk_queue import Spool
from receiver.spool.store import Change, Store
from reconciler.postgres.ledger import Postgres
from tests.faults.points import LAST_WORD, VARIABLE

IN_FLIGHT_S = 0.001
PROGRAMS: Mapping[str, Callable[[], int]] = {
    "profile-receiver": receiver.__main__.main,
    "profile-reconciler": reconciler.__main__.main,
}

Burn = Callable[[], None]
Put = Callable[[object, str, object], None]
"""`setattr`, or one that can be undone."""


class Fuse:
    def __init__(self, name: str, at: int) -> None:
        self._name = name
        self._left = at

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.write(sys.stderr.fileno(), f"{LAST_WORD}{self._name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def awaited(owner: object, name: str, burn: Burn, put: Put) -> None:
    """Burns when the coroutine function has done its work, before its caller learns of it."""
    whole = getattr(owner, name)

    async def wrapped(*args: object, **more: object) -> object:
        done = await whole(*args, **more)
        burn()
        return done

    put(owner, name, wrapped)


def called(owner: object, name: str, burn: Burn, put: Put) -> None:
    """The same for a function."""
    whole = getattr(owner, name)

    def wrapped(*args: object, **more: object) -> object:
        done = whole(*args, **more)
        burn()
        return done

    put(owner, name, wrapped)


def entered(owner: object, name: str, burn: Burn, put: Put) -> None:
    """Burns before the function does anything."""
    whole = getattr(owner, name)

    def wrapped(*args: object, **more: object) -> object:
        burn()
        return whole(*args, **more)

    put(owner, name, wrapped)


def batch_sent(burn: Burn, put: Put) -> None:
    """A moment later, when the producer has taken up what it was given."""
    called(KafkaBroker, "send", lambda: void(asyncio.get_running_loop().call_later(IN_FLIGHT_S, burn)), put)


def void(_: object) -> None:
    """For a callback whose result nobody wants."""


def batch_acknowledged(burn: Burn, put: Put) -> None:
    whole: Callable[..., None] = KafkaBroker._land

    def land(broker: KafkaBroker, flight: object, error: str) -> None:
        if not error:
            burn()
        whole(broker, flight, error)

    put(KafkaBroker, "_land", land)


def before_fsync(burn: Burn, put: Put) -> None:
    whole = Change.finish

    def finish(change: Change) -> None:
        whole(change)
        if change._appended:
            burn()

    put(Change, "finish", finish)


def after_fsync(burn: Burn, put: Put) -> None:
    whole = Store.change

    @contextmanager
    def change(store: Store) -> Iterator[Change]:
        with whole(store) as made:
            yield made
        if made._appended:
            burn()

    put(Store, "change", change)


def row_delivered(burn: Burn, put: Put) -> None:
    whole = Spool.remove

    async def remove(spool: Spool, ids: list[int]) -> int:
        burn()
        return await whole(spool, ids)

    put(Spool, "remove", remove)


def before_answer(burn: Burn, put: Put) -> None:
    whole: Callable[..., None] = Connection._answer

    def answer(connection: Connection, answer: object, words: str) -> None:
        if answer is STORED:
            burn()
        whole(connection, answer, words)

    put(Connection, "_answer", answer)


def in_commit(burn: Burn, put: Put) -> None:
    """When the words have been written to PostgreSQL, and before its answer is read."""
    whole: Callable[..., Awaitable[object]] = asyncpg.connection.Connection.execute

    async def execute(connection: object, query: str, *args: object, **more: object) -> object:
        doing = asyncio.ensure_future(whole(connection, query, *args, **more))
        if query.startswith("COMMIT"):
            await asyncio.sleep(0)
            burn()
        return await doing

    put(asyncpg.connection.Connection, "execute", execute)


ARM: Mapping[str, Callable[[Burn, Put], None]] = {
    "body-read": partial(entered, Callbacks, "_examine"),
    "queued": partial(called, Lane, "submit"),
    "batch-sent": batch_sent,
    "batch-acknowledged": batch_acknowledged,
    "before-fsync": before_fsync,
    "after-fsync": after_fsync,
    "row-delivered": row_delivered,
    "before-answer": before_answer,
    "before-commit": partial(awaited, reconciler.postgres.ledger, "write"),
    "in-commit": in_commit,
    "after-commit": partial(awaited, Postgres, "transact"),
}


def main() -> int:
    command = sys.argv.pop(1)
    name, _, at = os.environ[VARIABLE].partition(":")
    ARM[name](Fuse(name, int(at)).burn, setattr)
    return PROGRAMS[command]()


if __name__ == "__main__":
    sys.exit(main())
