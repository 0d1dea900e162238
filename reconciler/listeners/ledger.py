"""What the ledger knows about callbacks: who still waits for one, and when the last one came."""

from collections.abc import Iterator, Mapping, Set
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.postgres.admin import Access, session
from reconciler.queries import query
from schemas.ids import AccountName

if TYPE_CHECKING:
    from reconciler.postgres.admin import Session

Span = tuple[datetime, datetime]

LOOK_TIMEOUT: Final = "60s"
LOOK_WITHIN_S: Final = 75.0
LOOK_BACK: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""The first look goes back in steps until every account was heard: usually the newest step is enough."""
OVERLAP: Final = timedelta(minutes=5)
"""Rows recorded by a transaction that ends late are looked for again."""


async def waiting(access: Access, account: AccountName) -> int:
    """Operations of the account whose callback may come at any moment."""
    async with session(access, "profile-reconciler listeners", statement_timeout=LOOK_TIMEOUT) as connection:
        count: int = await connection.fetchval(query("listeners_waiting"), account)
        return count


class LastCallbacks:
    """Remembers; each look reads only what was recorded since the one before."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._heard: dict[AccountName, datetime] = {}
        self._read_until: datetime | None = None
        self._earlier: list[Span] = []

    async def look(self, accounts: Set[AccountName]) -> Mapping[AccountName, datetime]:
        """By account, those never heard in the last 30 days left out; raises `DatabaseError`."""
        now = datetime.now(UTC)
        async with session(
            self._access,
            "profile-reconciler listeners",
            within_s=LOOK_WITHIN_S,
            statement_timeout=LOOK_TIMEOUT,
        ) as connection:
            if self._read_until is None:
                self._earlier = list(_steps_back(now))
            else:
                await self._read(connection, (self._read_until - OVERLAP, now))
            self._read_until = now
            while self._earlier and not accounts <= self._heard.keys():
                # Taken out first: what proves too long to be read is not tried again every few minutes.
                await self._read(connection, self._earlier.pop(0))
        return self._heard

    async def _read(self, connection: "Session", span: Span) -> None:
        for account, at in await connection.fetch(query("listeners_last_callbacks"), *span):
            self._heard[account] = max(at, self._heard.get(account, at))


def _steps_back(now: datetime) -> Iterator[Span]:
    until = now
    for step in LOOK_BACK:
        yield now - step, until
        until = now - step
