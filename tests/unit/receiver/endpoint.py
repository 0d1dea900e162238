"""The callback endpoint on a loopback socket, with a broker in memory: all of the receiver but Kafka."""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from receiver.access import AccessLog
from receiver.accounts import Accounts
from receiver.auth import Account, AllowMode
from receiver.door import Door, Places
from receiver.handlers import Callbacks
from receiver.lane import Batch, Lane
from receiver.metrics import Metrics
from receiver.notices import Notice
from receiver.peers import Peers
from receiver.policy import Policy
from receiver.sources import Sources, networks
from schemas.callback import Secrets
from schemas.logline import Log
from schemas.record import Record
from schemas.topics import Topics
from tests.unit.receiver.doubles import FakeSpool, Watched

PASSWORD = "kanarienvogel"
PATH_SECRET = "wellensittich"
FLEET = "1223334444-00001"
OPEN = "open/account"
PATH = f"/v1/callbacks/{FLEET}/DeviceProfileService"
OPEN_PATH = f"/v1/callbacks/open%2Faccount/CarrierService/{PATH_SECRET}"
LATER = datetime(2100, 1, 1, tzinfo=UTC)

ACCOUNTS = Accounts(
    {
        account.name: account
        for account in (
            Account(
                FLEET,
                frozenset({"DeviceProfileService"}),
                username=b"fleet",
                password=PASSWORD.encode(),
                previous_password=b"nachtigall",
                previous_until=LATER,
            ),
            Account(OPEN, frozenset({"CarrierService"}), path_secret=PATH_SECRET.encode()),
        )
    }
)


@dataclass
class MemoryBroker:
    """Acknowledges at once, or holds everything back while `holding`."""

    records: list[Record] = field(default_factory=list)
    holding: bool = False
    held: list[tuple[Batch, Callable[[Batch, bool], None]]] = field(default_factory=list)

    def is_up(self) -> bool:
        return True

    def partitions(self, topic: str) -> int:
        return 4

    def leader(self, topic: str, partition: int) -> int:
        return 1

    def send(self, batches: Sequence[Batch], back: Callable[[Batch, bool], None]) -> None:
        for batch in batches:
            if self.holding:
                self.held.append((batch, back))
            else:
                self._take(batch, back)

    def release(self) -> None:
        """Acknowledges what was held back, and from now on everything."""
        self.holding = False
        held, self.held = self.held, []
        for batch, back in held:
            self._take(batch, back)

    def _take(self, batch: Batch, back: Callable[[Batch, bool], None]) -> None:
        self.records += [waiting.record for waiting in batch.waiting]
        asyncio.get_running_loop().call_soon(back, batch, True)


@dataclass
class House:
    """A running endpoint and everything one may want to look at."""

    port: int
    door: Door
    callbacks: Callbacks
    peers: Peers
    lane: Lane
    broker: MemoryBroker
    metrics: Metrics
    lines: io.StringIO
    policy: Policy
    places: Places
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def values(self, topic: str) -> list[dict[str, object]]:
        return [json.loads(each.value or b"") for each in self.broker.records if topic in each.topic]

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    async def say(self, raw: bytes, *, tls: ssl.SSLContext | None = None) -> bytes:
        """Sends the bytes over a new connection and returns what comes back until it ends."""
        reader, writer = await self.connect(tls=tls)
        writer.write(raw)
        async with asyncio.timeout(10):
            return await reader.read()

    async def connect(
        self, *, tls: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Closed at the end of the test."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        self.writers.append(writer)
        return reader, writer

    async def leave(self) -> None:
        for writer in self.writers:
            writer.close()
        for writer in self.writers:
            with suppress(OSError):
                await writer.wait_closed()

    async def post(self, body: bytes, path: str = PATH, **headers: str) -> bytes:
        return await self.say(request(body, path, headers=headers))


def policy(
    *, allowed: str = "any", proxies: str = "", mode: AllowMode = "flag", accounts: Accounts = ACCOUNTS
) -> Policy:
    return Policy(
        accounts=accounts,
        sources=Sources(networks(allowed), networks(proxies)),
        allow_mode=mode,
        secrets=Secrets(accounts.secrets()),
        body_bytes_max=4096,
        body_timeout_s=0.2,
    )


@asynccontextmanager
async def house(
    *,
    rules: Policy | None = None,
    patience_s: float = 5.0,
    places: Places | None = None,
    head_timeout_s: float = 5.0,
    tls: ssl.SSLContext | None = None,
    sample_one_in: int = 1_000_000,
) -> AsyncIterator[House]:
    rules = rules or policy()
    places = places or Places(connections_max=100, per_stranger_max=64)
    broker, metrics, lines = MemoryBroker(), Metrics(), io.StringIO()
    log = Log("test", stream=lines)
    lane = Lane(broker, FakeSpool(room=False), Watched(), patience_s=patience_s, bytes_max=10_000_000)
    peers = Peers(rules.sources, metrics, Notice(log, "full"))
    callbacks = Callbacks(
        rules,
        lane,
        peers,
        topics=Topics("t."),
        producer="test",
        metrics=metrics,
        access=AccessLog(log, sample_one_in=sample_one_in),
    )
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    door = Door(
        [listener],
        keeper=peers,
        endpoint=callbacks,
        places=places,
        head_timeout_s=head_timeout_s,
        tls=tls,
    )
    door.open()
    port = listener.getsockname()[1]
    try:
        at = House(port, door, callbacks, peers, lane, broker, metrics, lines, rules, places)
        yield at
        await at.leave()
    finally:
        await door.close(idle_s=0.0, busy_s=0.0)


def request(
    body: bytes,
    path: str = PATH,
    *,
    method: str = "POST",
    close: bool = True,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One HTTP/1.1 request; underscores in header names stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: receiver", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in (headers or {}).items()]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def callback(**members: object) -> bytes:
    """A callback with the right credentials; `members` replace or add."""
    return json.dumps(
        {
            "username": "fleet",
            "password": PASSWORD,
            "requestId": "595f5c44-c31c-4552-8670-020a1545a84d",
            "deviceIds": [{"kind": "eid", "id": "89049032000000000000000000000163"}],
            "deviceResponse": {"deviceProfileResponse": {"profileStatus": "enable"}},
            "status": "Success",
            "callbackCount": 1,
            "maxCallbackThreshold": 4,
            **members,
        }
    ).encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
