"""The whole product as a test sees it: commands started, callbacks sent, results read from outside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaConsumer

from deploy.local.ports import HOST, free_ports
from schemas.topics import Topics
from tests.acceptance.checker import caught_up, check_all
from tests.acceptance.journal import Journal, read_journal
from tests.acceptance.ledger import Ledger, read_ledger
from tests.support.database import Database
from tests.support.kafka import read_topic
from tests.support.polling import eventually
from tests.support.program import Program, Programs

FLEET, BARE = "1223334444-00001", "1223334444-00002"
USERNAME, PASSWORD, PREVIOUS = "fleet", "a password for tests", "the password before"
PATH_SECRET = "a-path-for-tests"
SETTLED_WITHIN_S = 30.0
READY_WITHIN_S = 60.0  # the session of a killed reconciler ends after 30 s

ACCOUNTS = f"""
[[account]]
name = "{FLEET}"
username = "{USERNAME}"
password_file = "password"
previous_password_file = "previous-password"
previous_until = 2099-01-01T00:00:00Z

[[account]]
name = "{BARE}"
credentials = "none"
path_secret_file = "path-secret"
"""


@dataclass
class Receiver:
    program: Program
    address: str
    ops: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@dataclass
class Reconciler:
    program: Program
    ops: str


@dataclass
class Product:
    """Programs of one test, on its own database and topics. `stop_all` is the `programs` fixture's."""

    programs: Programs
    database: Database
    topics: Topics
    bootstrap: str
    folder: Path
    receivers: list[Receiver] = field(default_factory=list)
    journals: list[Path] = field(default_factory=list)
    spools: Iterator[int] = field(default_factory=itertools.count)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def write_accounts(self, text: str = ACCOUNTS) -> None:
        self.write("accounts.toml", text)
        self.write("password", PASSWORD + "\n")
        self.write("previous-password", PREVIOUS)
        self.write("path-secret", PATH_SECRET)

    async def receiver(self, **settings: str) -> Receiver:
        """One more receiver, ready. Its spool folder is its own."""
        free, ops = (f"{HOST}:{port}" for port in free_ports(2))
        listen = settings.get("RECEIVER_LISTEN", free)
        env = {
            "RECEIVER_LISTEN": listen,
            "RECEIVER_OPS_LISTEN": ops,
            "RECEIVER_ACCOUNTS_FILE": str(self.folder / "accounts.toml"),
            "RECEIVER_SPOOL_DIR": str(self.folder / f"spool-{next(self.spools)}"),
            "RECEIVER_ALLOW": f"{HOST}/32",
            **settings,
        }
        program = await self.programs.start(
            "profile-receiver", "serve", env=env, ready=f"http://{ops}/readyz"
        )
        self.receivers.append(Receiver(program, listen, ops))
        return self.receivers[-1]

    async def reconciler(self, **settings: str) -> Reconciler:
        ops = f"{HOST}:{free_ports(1)[0]}"
        program = await self.programs.start(
            "profile-reconciler",
            "run",
            env={"RECONCILER_OPS_LISTEN": ops, "RECONCILER_GROUP": self.topics.prefix + "group", **settings},
            ready=f"http://{ops}/readyz",
            ready_within_s=READY_WITHIN_S,
        )
        return Reconciler(program, ops)

    async def play(
        self, scenario: str, *options: str, account: str = FLEET, urls: Sequence[str] = ()
    ) -> Journal:
        """A scenario through the simulator's command, to its end; every answer was the expected one."""
        path = self.folder / f"journal-{len(self.journals)}.ndjson"
        self.journals.append(path)
        done = await self.programs.run(
            "thingspace-simulator",
            *("play", scenario, "--journal", str(path), *self.sender(account, urls), *options),
        )
        assert done.exit_code == 0, done.stdout + done.stderr
        return read_journal(path)

    def sender(self, account: str, urls: Sequence[str] = ()) -> tuple[str, ...]:
        """The simulator's options for `play`, its clock a thousand times faster than ours."""
        return ("--clock-scale", "1000", *self.listener(account, urls))

    def listener(self, account: str, urls: Sequence[str] = ()) -> tuple[str, ...]:
        """The simulator's options for an account of ours, all receivers unless told otherwise."""
        who = (
            ("--path-secret-file", str(self.folder / "path-secret"))
            if account == BARE
            else (
                *("--username", USERNAME, "--password-file", str(self.folder / "password")),
                *("--previous-password-file", str(self.folder / "previous-password")),
            )
        )
        targets = urls or [receiver.url for receiver in self.receivers]
        asked = [part for url in targets for part in ("--url", url)]
        return ("--account", account, *asked, *who)

    def journal(self) -> Journal:
        """Everything that was played so far."""
        return read_journal(*self.journals)

    async def settled(self) -> Ledger:
        """The ledger once the reconciler has applied all that is on its topics."""

        async def look() -> Ledger | None:
            ends = await end_offsets(self.bootstrap, [self.topics.events, self.topics.quarantine])
            ledger = await read_ledger(self.database.auditor_dsn)
            return ledger if caught_up(ledger, ends) else None

        found = await eventually(look, within_s=SETTLED_WITHIN_S)
        assert found is not None
        return found

    async def faults(self, *, only_us: bool = True) -> list[str]:
        """What the checker finds wrong with everything that was played, after all has been applied."""
        ledger = await self.settled()
        records = await read_topic(self.bootstrap, self.topics.events)
        return check_all(self.journal(), ledger, records, only_us=only_us)


async def end_offsets(bootstrap: str, topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """Topic and partition to end offset, empty partitions left out."""
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(sorted(consumer.assignment()))
    finally:
        await consumer.stop()
    return {(place.topic, place.partition): end for place, end in ends.items() if end}


async def fetch(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.text()


async def post(url: str, body: bytes, **headers: str) -> int:
    """One POST of our own making; the status."""
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        await response.read()
        return response.status
