"""Submitting the rows of a file: many devices at once, each device in the order of the file.

A row waits until the operation of the row before it, on the same device, has succeeded; where that failed, or
nobody knows, the rest of the device is held back, because a `delete` that follows an `enable` may do harm
where the `enable` did nothing. While ThingSpace is away its account pauses; where it refuses the account,
nothing more of that account is begun. Whatever ends the run, what is on its way is finished, and the same
command goes on.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

from reconciler.readable import ReadableError
from reconciler.submit.order import Wanted
from reconciler.submit.outcome import Outcome, outcome_of
from reconciler.submit.row import Entry, Standing, next_step
from reconciler.submit.submit import Busy, Came, Submission, Waits
from schemas.ids import AccountName
from schemas.logline import Log

AT_ONCE: Final = 8
IDLE_S: Final = 0.2
LOOK_EVERY_S: Final = 1.0
LOOKS_PER_S: Final = 100
"""However many devices are waited for."""
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 60.0
ENDED: Final = "the command was ended before ThingSpace was asked"


class Standings(Protocol):
    async def standing(self, entry: Entry) -> Standing | None: ...


@dataclass(slots=True)
class Chain:
    """The rows of one device; `before` is the row that was done last, `pending` an intent not sent yet."""

    rows: deque[Wanted]
    before: Entry | None = None
    since: float | None = None
    """When its head began to wait for `before`."""
    pending: Entry | None = None


@dataclass(slots=True)
class Pause:
    """One account that does not answer."""

    began: float
    until: float
    length_s: float


@dataclass(frozen=True, slots=True)
class Habits:
    """`lasting_s`: how long a row waits for the one before. `patience_s`: for a ThingSpace that is away."""

    lasting_s: float
    patience_s: float
    go_on: bool = False
    """Also behind a row that did not succeed."""


@dataclass(slots=True)
class FileRun:
    """Of one file, once."""

    submission: Submission
    standings: Standings
    habits: Habits
    tell: Callable[[Outcome], None]
    log: Log
    clock: Callable[[], float] = monotonic
    look_every_s: float = LOOK_EVERY_S
    outcomes: list[Outcome] = field(default_factory=list)
    broken: ReadableError | None = None
    """Why it ended early: database or Kafka."""
    _ready: deque[Chain] = field(default_factory=deque)
    _parked: list[tuple[float, int, Chain]] = field(default_factory=list)
    _busy: int = 0
    _parkings: int = 0
    _pauses: dict[AccountName, Pause] = field(default_factory=dict)
    _refused: dict[AccountName, str] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Begins nothing more; what is on its way is finished."""
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        return self._stopping.is_set()

    async def run(self, rows: Sequence[Wanted]) -> None:
        """Every row has its outcome afterwards, whatever happened."""
        chains: dict[str, Chain] = {}
        for row in rows:
            chains.setdefault(row.device, Chain(deque())).rows.append(row)
        self._ready.extend(chains.values())
        await asyncio.gather(*(self._work() for _ in range(AT_ONCE)))
        left = [*self._ready, *(chain for _, _, chain in self._parked)]
        for chain in left:
            await self._leave(chain)

    async def _work(self) -> None:
        while not self.stopped and (self._ready or self._parked or self._busy):
            chain = self._next()
            if chain is None:
                await self._rest(IDLE_S)
                continue
            self._busy += 1
            try:
                await self._advance(chain)
            except ReadableError as error:
                self.broken = self.broken or error
                self.stop()
                self._cut_off(chain, error)
            finally:
                self._busy -= 1

    def _next(self) -> Chain | None:
        if self._parked and self._parked[0][0] <= self.clock():
            return heapq.heappop(self._parked)[2]
        return self._ready.popleft() if self._ready else None

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _park(self, chain: Chain, seconds: float) -> None:
        self._parkings += 1
        heapq.heappush(self._parked, (self.clock() + seconds, self._parkings, chain))

    def _look_later(self, chain: Chain) -> None:
        self._park(chain, max(self.look_every_s, len(self._parked) / LOOKS_PER_S))

    async def _advance(self, chain: Chain) -> None:
        """One step of the device's next row: done with it, or parked until it is worth looking again."""
        wanted = chain.rows[0]
        entry = await self.submission.latest(wanted)
        if entry is not None and next_step(entry) == "nothing":
            self._done(chain, outcome_of(wanted, entry, earlier=True), entry)
            return
        chain.pending = entry if entry is not None and next_step(entry) == "send" else None
        if (why := self._refused.get(wanted.order.account)) is not None:
            await self._give_up(chain, why)
            return
        if (pause := self._pauses.get(wanted.order.account)) is not None and pause.until > self.clock():
            self._park(chain, pause.until - self.clock())
            return
        if await self._may_begin(chain):
            await self._came(chain, wanted, await self.submission.carry_out(wanted, entry))

    async def _may_begin(self, chain: Chain) -> bool:
        """Whether the row before has done its part; otherwise the chain is parked, or held back."""
        if chain.before is None or self.habits.go_on:
            return True
        standing = await self.standings.standing(chain.before)
        if standing is not None and standing.final and standing.state == "succeeded":
            chain.before, chain.since = None, None
            return True
        chain.since = chain.since if chain.since is not None else self.clock()
        waited = self.clock() - chain.since >= self.habits.lasting_s
        if (standing is not None and standing.final) or chain.before.state != "sent" or waited:
            state = chain.before.state if standing is None else standing.state
            await self._hold_back(
                chain, f"the row before it on this device is {state}; --go-on sends it all the same"
            )
            return False
        self._look_later(chain)
        return False

    async def _hold_back(self, chain: Chain, why: str) -> None:
        """Rows that an earlier run did all the same stay as they are."""
        while chain.rows:
            entry = await self.submission.latest(chain.rows[0])
            wanted = chain.rows.popleft()
            if entry is not None and next_step(entry) == "nothing":
                self._tell(outcome_of(wanted, entry, earlier=True))
            else:
                self._tell(Outcome(wanted, "held_back", entry, why))

    async def _came(self, chain: Chain, wanted: Wanted, came: Came) -> None:
        match came:
            case Entry():
                self._pauses.pop(wanted.order.account, None)
                self._done(chain, outcome_of(wanted, came, earlier=False), came)
            case Busy():
                if chain.since is None:
                    chain.since = self.clock()
                    self.log.emit(
                        "submit_waits",
                        account=wanted.order.account,
                        eid=wanted.order.eid,
                        reason=came.holder.words(),
                    )
                self._look_later(chain)
            case Waits(entry, error, whole):
                chain.pending = entry
                if whole == "refused":
                    await self._give_up(chain, str(error))
                    self._refuse(wanted.order.account, str(error))
                else:
                    self._pause(chain, wanted.order.account, str(error), error)

    def _done(self, chain: Chain, outcome: Outcome, entry: Entry) -> None:
        chain.rows.popleft()
        chain.before, chain.since, chain.pending = entry, None, None
        self._tell(outcome)
        if chain.rows:
            self._ready.append(chain)

    def _refuse(self, account: AccountName, why: str) -> None:
        if account not in self._refused:
            self._refused[account] = why
            self.log.emit("submit_account_stopped", level="error", account=account, reason=why)

    def _pause(self, chain: Chain, account: AccountName, why: str, error: ReadableError) -> None:
        now = self.clock()
        pause = self._pauses.get(account)
        if pause is None or pause.until <= now:
            wait_s = getattr(error, "retry_after_s", None)
            length_s = PAUSE_FIRST_S if pause is None else min(2 * pause.length_s, PAUSE_MAX_S)
            began = now if pause is None else pause.began
            pause = Pause(began, now + max(length_s, wait_s or 0.0), length_s)
            self._pauses[account] = pause
            retry_in_s = round(pause.until - now, 1)
            self.log.emit(
                "submit_waiting", level="warning", account=account, reason=why, retry_in_s=retry_in_s
            )
        if now - pause.began >= self.habits.patience_s:
            self._refuse(account, why)
        self._park(chain, pause.until - now)

    async def _give_up(self, chain: Chain, why: str) -> None:
        """Of every row of the chain, because its account is not served."""
        if chain.pending is not None:
            entry = await self.submission.withdraw(chain.pending, why)
            wanted, chain.pending = chain.rows.popleft(), None
            self._tell(outcome_of(wanted, entry, earlier=False))
        for wanted in chain.rows:
            self._tell(Outcome(wanted, "not_started", None, why))
        chain.rows.clear()

    def _cut_off(self, chain: Chain, error: ReadableError) -> None:
        if chain.rows:
            self._tell(Outcome(chain.rows.popleft(), "cut_off", chain.pending, str(error)))
        chain.pending = None
        self._ready.append(chain)

    async def _leave(self, chain: Chain) -> None:
        """Rows that are left when the run ends."""
        try:
            await self._give_up(chain, ENDED if self.broken is None else str(self.broken))
        except ReadableError as error:
            self.broken = self.broken or error
            for wanted in chain.rows:
                self._tell(Outcome(wanted, "not_started", None, str(error)))

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.tell(outcome)
