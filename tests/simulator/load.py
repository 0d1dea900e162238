"""Load for benchmarks: callbacks laid out beforehand, sent over kept connections, little CPU for each.

Closed loop: as many callers as connections, each sends when its answer is there. Open loop: callbacks start
at a fixed rate whatever the answers do, and a latency counts from the moment the callback was due, not from
when a connection was free: a server that stalls cannot hide it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from tests.simulator.callback import Callback, body_of
from tests.simulator.device import device_of, request_id_of, with_mod97
from tests.simulator.message import Listener
from tests.simulator.spelling import spelled
from tests.simulator.wire import USER_AGENT

MARK = "§"
REOPEN_S = 0.05


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`rate` per second for an open loop, None for a closed one."""

    count: int
    connections: int
    rate: float | None = None
    devices: int = 10_000
    repeat_every: int | None = None
    seed: str = "load"


@dataclass(slots=True)
class LoadReport:
    """What came back; seconds. `order` holds, per attempt, the callback's number and its status or 0."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    order: list[tuple[int, int, float, float]] = field(default_factory=list)

    @property
    def answers(self) -> Counter[int]:
        return Counter(status for _, status, _, _ in self.order)

    def quantile(self, share: float) -> float:
        """The latency that `share` of the callbacks did not exceed; nan without any answer."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Requests:
    """Callback number n as bytes on the wire: its own request id, one of `devices` EIDs, all else alike."""

    def __init__(self, plan: LoadPlan, listener: Listener) -> None:
        rng = random.Random(f"load/{plan.seed}")
        self._prefix = request_id_of(f"load/{plan.seed}")[:24].encode()
        first = int("89049032" + str(rng.randrange(10**15)).zfill(15) + "0000000")
        self._eids = [with_mod97(str(first + number)).encode() for number in range(plan.devices)]
        username, password = listener.credentials("right")
        marked = Callback(MARK * 2, device_of(plan.seed), username=username, password=password)
        body = spelled(body_of(marked), ["printed"]).decode()
        eid = device_of(plan.seed).eid
        before, after = body.split(MARK * 2)
        between, middle, tail = (part.encode() for part in after.split(eid))
        length = len(body.encode()) - len((MARK * 2).encode()) + 36
        self._before = self._head(listener, length) + before.encode()
        self._parts = between, middle, tail

    @staticmethod
    def _head(listener: Listener, length: int) -> bytes:
        target = urlsplit(listener.url(0, "DeviceProfileService"))
        return (
            f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nUser-Agent: {USER_AGENT}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def request_id(self, number: int) -> str:
        return (self._prefix + b"%012x" % number).decode()

    def eid(self, number: int) -> str:
        return self._eids[number % len(self._eids)].decode()

    def wire_bytes(self, number: int) -> bytes:
        between, middle, tail = self._parts
        eid = self._eids[number % len(self._eids)]
        return b"".join((self._before, self._prefix, b"%012x" % number, between, eid, middle, eid, tail))

    def body(self, number: int) -> bytes:
        return self.wire_bytes(number).partition(b"\r\n\r\n")[2]


class _Caller(asyncio.Protocol):
    """One kept connection with at most one request on it."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._number = -1
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has the methods, not the base class
        self._load.free(self)

    def send(self, number: int, data: bytes, due: float) -> None:
        assert self._transport is not None
        self._number, self._due = number, due
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + _length(self._buffer[:end]):
            return
        status, closing = int(self._buffer[9:12]), b"onnection: close" in self._buffer[:end]
        self._buffer = b""
        number, self._number = self._number, -1
        self._load.note(number, status, self._due)
        if closing and self._transport is not None:
            self._transport.close()
        else:
            self._load.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        number, self._number = self._number, -1
        self._load.lost(self, number, self._due)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    return int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0


class _Load:
    """Who is free, what is due, what came back. A connection that broke is opened again."""

    def __init__(self, requests: Requests, plan: LoadPlan, address: tuple[str, int]) -> None:
        self._requests, self._plan, self._address = requests, plan, address
        self._idle: deque[_Caller] = deque()
        self._callers: set[_Caller] = set()
        self._due: deque[tuple[int, float]] = deque()
        self._numbers = iter(_numbers(plan))
        self._total = len(_numbers(plan))
        self._opening: set[asyncio.Task[None]] = set()
        self.report = LoadReport()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        await asyncio.gather(*(self._connect() for _ in range(self._plan.connections)))
        if self._plan.rate is not None:
            await self._pace(self._plan.rate)
        await self.ended.wait()
        for task in self._opening:
            task.cancel()
        for caller in list(self._callers):
            caller.close()

    async def _connect(self) -> None:
        _, caller = await asyncio.get_running_loop().create_connection(lambda: _Caller(self), *self._address)
        self._callers.add(caller)

    async def _reopen(self) -> None:
        """Until somebody listens again, what falls due on this connection counts as unanswered."""
        while not self.ended.is_set():
            try:
                return await self._connect()
            except OSError:
                taken = self._take()
                if taken is None:
                    await asyncio.sleep(REOPEN_S)
                else:
                    self.note(taken[0], 0, taken[1])
        return None

    async def _pace(self, rate: float) -> None:
        """Make every callback due at its moment, in the order of their numbers."""
        start = time.perf_counter()
        for place, number in enumerate(self._numbers):
            due = start + place / rate
            left = due - time.perf_counter()
            if left > 0:
                await asyncio.sleep(left)
            self._due.append((number, due))
            if self._idle:
                self.free(self._idle.popleft())

    def _take(self) -> tuple[int, float] | None:
        if self._plan.rate is not None:
            return self._due.popleft() if self._due else None
        number = next(self._numbers, None)
        return None if number is None else (number, time.perf_counter())

    def free(self, caller: _Caller) -> None:
        taken = self._take()
        if taken is None:
            self._idle.append(caller)
        else:
            caller.send(taken[0], self._requests.wire_bytes(taken[0]), taken[1])

    def note(self, number: int, status: int, due: float) -> None:
        """One answer; status 0 where none came."""
        now = time.perf_counter()
        if status:
            self.report.latencies.append(now - due)
        self.report.order.append((number, status, due, now))
        if len(self.report.order) >= self._total:
            self.ended.set()

    def lost(self, caller: _Caller, number: int, due: float) -> None:
        self._callers.discard(caller)
        if caller in self._idle:
            self._idle.remove(caller)
        if number >= 0:
            self.note(number, 0, due)
        if not self.ended.is_set():
            task = asyncio.ensure_future(self._reopen())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)


def _numbers(plan: LoadPlan) -> list[int]:
    """The callbacks in the order they go out; a repeated one right behind itself."""
    if not plan.repeat_every:
        return list(range(plan.count))
    every = plan.repeat_every
    return [number for number in range(plan.count) for _ in range(2 if (number + 1) % every == 0 else 1)]


async def run_load(listener: Listener, plan: LoadPlan) -> LoadReport:
    """Send the whole plan to the listener's first URL (plain HTTP) and report when every answer is there."""
    target = urlsplit(listener.url(0, "DeviceProfileService"))
    load = _Load(Requests(plan, listener), plan, (target.hostname or "127.0.0.1", target.port or 80))
    started, cpu = time.perf_counter(), time.process_time()
    await load.run()
    load.report.seconds = time.perf_counter() - started
    load.report.cpu_seconds = time.process_time() - cpu
    return load.report
