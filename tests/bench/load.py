"""A load generator that costs little: rendered requests over kept connections, one asyncio protocol each.

Closed loop: `connections` callers, each sends when its answer is there. Open loop: requests start at a fixed
rate, whatever the answers do, and a latency is counted from the moment the request was due.
"""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

DEVICES = 5000
BODY = {
    "username": "fleet",
    "password": "bench-password",
    "requestId": "REQUEST",
    "deviceIds": [{"id": "666456789014008", "kind": "imei"}, {"id": "EID", "kind": "eid"}],
    "deviceResponse": {
        "usageResponse": [],
        "deviceProfileResponse": {
            "deviceIdentifierCollection": [
                {"id": "666456789014008", "kind": "imei"},
                {"id": "11245055053268336886", "kind": "iccid"},
                {"id": "2022326360", "kind": "mdn"},
                {"id": "EID", "kind": "eid"},
            ],
            "ipAddress": "101.0.1.216",
            "state": "Active",
            "servicePlan": "RP4235311",
            "deviceCredential": {"username": "2022326360@vzw4g.com", "password": "2022326360"},
            "smsrOid": "1.3.6.1.4.1.31746.1.500.200.101.5",
            "profileStatus": "delete",
            "euiccStatus": "EXECUTED_SUCCESS",
            "euiccStatusCode": "1.2.365",
            "euiccStatusDesc": "EUICC device profile has been updated",
        },
    },
    "status": "Success",
    "callbackCount": 1,
    "maxCallbackThreshold": 4,
}


def requests(url: str, seed: int) -> Iterator[bytes]:
    """Endless callbacks as bytes on the wire: a request id of its own each, devices drawn from a fleet.

    The body is laid out as the vendor prints it (about 1.2 kB, indented).
    """
    draw = random.Random(seed)
    target = urlsplit(url)
    before, between, after = _template()
    while True:
        eid = b"89049032%024d" % draw.randrange(DEVICES)
        request_id = b"%08x-0000-4000-8000-%012x" % (draw.getrandbits(32), draw.getrandbits(48))
        body = before + request_id + between[0] + eid + between[1] + eid + after
        yield head(target, len(body)) + body


def _template() -> tuple[bytes, tuple[bytes, bytes], bytes]:
    text = json.dumps(BODY, indent=1).encode()
    before, rest = text.split(b"REQUEST")
    first, second, after = rest.split(b"EID")
    return before, (first, second), after


def head(target: SplitResult, length: int) -> bytes:
    return (
        f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: application/json\r\n"
        f"User-Agent: Verizon's callback service\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@dataclass
class Tally:
    """What came back. Latencies in seconds."""

    answers: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    def note(self, status: int, seconds: float) -> None:
        self.answers[status] = self.answers.get(status, 0) + 1
        self.latencies.append(seconds)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Caller(asyncio.Protocol):
    """One kept connection with at most one request on it."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.answered: asyncio.Future[None] | None = None
        self.since = 0.0
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, request: bytes, since: float) -> asyncio.Future[None]:
        self.since = since
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        self.pending += data
        if b"\r\n\r\n" in self.pending and self.answered is not None:
            self.tally.note(int(self.pending[9:12]), time.perf_counter() - self.since)
            self.pending = b""
            answered, self.answered = self.answered, None
            answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError("closed before the answer"))


async def callers(url: str, count: int, tally: Tally) -> list[Caller]:
    target = urlsplit(url)
    host, port = target.hostname, target.port
    assert host is not None
    assert port is not None
    loop = asyncio.get_running_loop()
    made = [loop.create_connection(lambda: Caller(tally), host, port) for _ in range(count)]
    return [protocol for _, protocol in await asyncio.gather(*made)]


async def closed_loop(url: str, *, connections: int, seconds: float, seed: int) -> Tally:
    """As fast as the answers come. Bounded by `seconds`."""
    tally = Tally()
    stream = requests(url, seed)
    end = time.perf_counter() + seconds

    async def one(caller: Caller) -> None:
        while (now := time.perf_counter()) < end:
            await caller.ask(next(stream), now)
        caller.transport.close()

    await asyncio.gather(*(one(caller) for caller in await callers(url, connections, tally)))
    return tally


async def open_loop(url: str, *, connections: int, seconds: float, rate: float, seed: int) -> Tally:
    """At `rate` requests a second, bounded by `seconds`; who is late starts the next one at once."""
    tally = Tally()
    stream = requests(url, seed)
    start = time.perf_counter()
    due = iter(range(int(rate * seconds)))

    async def one(caller: Caller) -> None:
        for number in due:
            at = start + number / rate
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            await caller.ask(next(stream), at)
        caller.transport.close()

    await asyncio.gather(*(one(caller) for caller in await callers(url, connections, tally)))
    return tally
