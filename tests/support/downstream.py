"""`profile-downstream` as a test sees it: both stand-ins on sockets, a job ledger, and the program itself."""

import base64
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from aiohttp import web
from aiokafka import AIOKafkaProducer

from deploy.local.ports import HOST, free_ports
from schemas.topics import Topics
from tests.support.database import Database
from tests.support.polling import eventually
from tests.support.program import Finished, Program, Programs
from tests.support.typed import Typist
from tests.targets import imiconnect, oracle

ACCOUNT = "1223334444-00001"
KEY, USERNAME, PASSWORD = "a profile key of tests", "release-risk-cc", "a password of tests"
APP = "a_635736738702976937"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def eid_of(number: int) -> str:
    return f"89049032{number:024}"


def iccid_of(number: int) -> str:
    return f"8914800000{number:010}"


EIDS = [eid_of(number) for number in range(10)]
ICCIDS = [iccid_of(number) for number in range(10)]


@asynccontextmanager
async def served(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@dataclass
class Downstream:
    """`targets` turns the targets on; `settle` tells the program what the reconciler would."""

    programs: Programs
    typist: Typist
    environment: dict[str, str]
    topics: Topics
    bootstrap: str
    folder: Path
    imi_url: str
    oracle_url: str
    profiles: imiconnect.Profiles
    care: oracle.Care
    versions: dict[str, int] = field(default_factory=dict)

    def targets(self, **both: object) -> None:
        """Live, without a hold, quick; `both` changes members of the two entries."""
        (self.folder / "key").write_text(KEY)
        (self.folder / "risk").write_text(base64.b64encode(PASSWORD.encode()).decode())
        usual: dict[str, object] = {
            "mode": "live",
            "hold": "0s",
            "per_second": 100.0,
            "timeout": "5s",
            **both,
        }
        imi = {"name": "imi", "kind": "imiconnect", "base_url": self.imi_url, "key_file": "key"}
        care = {
            "name": "oracle",
            "kind": "oracle_risk",
            "base_url": self.oracle_url + "/risk-cc",
            "username": USERNAME,
            "key_file": "risk",
        }
        entries = [_entry({"accounts": [ACCOUNT], **one, **usual}) for one in (imi, care)]
        (self.folder / "targets.toml").write_text("\n".join(entries))

    def device(self, number: int, *, target: str = "imi", holder: str = "9876", **more: str) -> str:
        """A line of the mapping; with the profile that it leads to linked long ago."""
        ids = (APP, holder, f"dev-{number}") if target == "imi" else ("", holder, "")
        if target == "imi":
            self.profiles.link(ids, LONG_AGO)
        else:
            self.care.devices.setdefault(holder, set()).add(f"phone-{number}")
        row = {
            "target": target,
            "account": ACCOUNT,
            "eid": eid_of(number),
            "iccid": iccid_of(number),
            "binding": "subscription",
            **dict(zip(("app_id", "holder_id", "device_id"), ids, strict=True)),
            **more,
        }
        return ",".join(row[name] for name in HEADER.split(","))

    async def map(self, *lines: str) -> Finished:
        (self.folder / "mapping.csv").write_text("\n".join([HEADER, *lines]) + "\n")
        return await self.typed("mapping", "import", str(self.folder / "mapping.csv"), "--by", "tester")

    async def typed(self, *words: str, code: int = 0) -> Finished:
        done = await self.typist.type("profile-downstream", *words, environment=self.environment)
        assert done.exit_code == code, done.stderr or done.stdout
        return done

    async def run(self, *, env: dict[str, str] | None = None) -> Program:
        """Ready: it reads."""
        ops = f"{HOST}:{free_ports(1)[0]}"
        return await self.programs.start(
            "profile-downstream",
            "run",
            env={**self.environment, **(env or {}), "DOWNSTREAM_OPS_LISTEN": ops},
            ready=f"http://{ops}/readyz",
        )

    async def settle(self, *messages: dict[str, object]) -> None:
        """Through the topic, in order for each device."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        try:
            sent: list[Awaitable[object]] = [
                await producer.send(self.topics.operations, orjson.dumps(one), key=str(one["eid"]).encode())
                for one in messages
            ]
            for each in sent:
                await each
        finally:
            await producer.stop()

    def deleted(self, number: int, **more: object) -> dict[str, object]:
        """The message of a deletion that has settled just now."""
        return operation(number, action="delete", **more)

    async def jobs(self, *words: str) -> list[dict[str, object]]:
        """The oldest first."""
        rows = (await self.typed("jobs", "--json", *words)).ndjson()
        found = [row for row in rows if isinstance(row, dict)]
        return sorted(found, key=lambda row: int(str(row["job_id"])))

    async def states(self) -> list[object]:
        return [row["state"] for row in await self.jobs()]


HEADER = "target,account,eid,iccid,binding,app_id,holder_id,device_id"


def operation(number: int, **more: object) -> dict[str, object]:
    return {
        "operation_id": f"op-{number}-{more.get('action')}",
        "account": ACCOUNT,
        "request_id": f"request-{number}",
        "eid": eid_of(number),
        "iccid_target": iccid_of(number),
        "state": "succeeded",
        "final": True,
        "settled_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat(),
        "version": 1,
        "cause": "event",
        "a_member_of_tomorrow": [],
        **more,
    }


def _entry(members: dict[str, object]) -> str:
    return "\n".join(["[[target]]", *(f"{name} = {_toml(value)}" for name, value in members.items())])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def sent_deletions(calls: Iterable[str]) -> list[str]:
    return [call for call in calls if call.startswith("DELETE ")]


async def settled_as(downstream: Downstream, *states: str) -> None:
    async def there() -> bool:
        return await downstream.states() == list(states)

    try:
        await eventually(there, within_s=30)
    except AssertionError as error:
        told = [(row["state"], row["reason"]) for row in await downstream.jobs()]
        raise AssertionError(f"{told}") from error


@asynccontextmanager
async def a_downstream(
    programs: Programs,
    typist: Typist,
    environment: dict[str, str],
    database: Database,
    topics: Topics,
    bootstrap: str,
    folder: Path,
) -> AsyncIterator[Downstream]:
    """With its schema made, both stand-ins answering, and live targets."""
    own = {
        **environment,
        "DOWNSTREAM_POSTGRES_DSN": database.dsn("profile_downstream"),
        "DOWNSTREAM_TARGETS_FILE": str(folder / "targets.toml"),
    }
    profiles, care = imiconnect.Profiles(KEY, {APP}), oracle.Care(USERNAME, PASSWORD, {})
    async with served(imiconnect.application(profiles)) as imi, served(oracle.application(care)) as risk:
        made = Downstream(programs, typist, own, topics, bootstrap, folder, imi, risk, profiles, care)
        made.targets()
        await made.typed("migrate")
        yield made
