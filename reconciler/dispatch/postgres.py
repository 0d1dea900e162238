"""The outbox in PostgreSQL, on the session that holds the lock of the leader."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from reconciler.dispatch.dispatch import LEASE_S, Waiting
from reconciler.postgres.admin import Access, closed
from reconciler.postgres.errors import ERRORS, translated
from reconciler.postgres.ledger import CONNECT_TIMEOUT_S, SESSION
from reconciler.queries import query
from schemas.ids import OperationId
from schemas.message import Message

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

PROGRAM: Final = "profile-reconciler dispatch"


class PostgresOutbox:
    """`reconciler.dispatch.dispatch.Outbox`; borrows the session."""

    def __init__(self, connection: "Connection", lease_s: float = LEASE_S) -> None:
        self._connection = connection
        self._lease_s = lease_s

    async def lead(self) -> bool:
        """A leader that froze while it was answered keeps session and lock until somebody ends it."""
        with self._in_words():
            leads: bool = await self._connection.fetchval(query("outbox_lead"))
            if not leads:
                await self._connection.execute(query("end_frozen"), self._lease_s)
        return leads

    async def waiting(self, rows_max: int) -> Sequence[Waiting]:
        with self._in_words():
            rows = await self._connection.fetch(query("outbox_waiting"), rows_max)
        return [Waiting(row[0], _message(row)) for row in rows]

    async def sent(self, ids: Sequence[int]) -> None:
        with self._in_words():
            await self._connection.execute(query("outbox_sent"), ids)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except ERRORS as error:
            raise translated(error, connected=not self._connection.is_closed()) from error


def _message(row: "asyncpg.Record") -> Message:
    _, *values = row
    message = Message(*values)
    if message.operation_id is None:
        return message
    return message._replace(operation_id=OperationId(str(message.operation_id)))


@asynccontextmanager
async def outbox_session(access: Access, lease_s: float = LEASE_S) -> AsyncIterator[PostgresOutbox]:
    """For the length of the block, or until nothing was asked for `lease_s`: then the server ends it."""
    try:
        connection = await asyncpg.connect(
            access.dsn,
            password=access.password,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=lease_s,
            server_settings={
                **SESSION,
                "application_name": PROGRAM,
                "idle_session_timeout": f"{int(lease_s * 1000)}ms",
            },
        )
    except ERRORS as error:
        raise translated(error, connected=False) from error
    try:
        yield PostgresOutbox(connection, lease_s)
    finally:
        await closed(connection)  # the lock goes with it
