"""The product of one run: its programs, each kept alive, on a database, topics and spools of its own.

Parts have names: `receiver-1`, `reconciler-2`, `broker-1`, `postgres`; ways between them `sender-receiver`,
`receiver-kafka`, `reconciler-kafka`, `reconciler-postgres`. A way that no fault needs is not there: programs
then speak to each other directly.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.ports import HOST, free_ports
from deploy.local.stack import Part, Stack
from schemas.topics import Topics
from tests.faults.disk import small_disk
from tests.faults.keeper import Keeper
from tests.faults.load import ACCOUNT, USERNAME
from tests.faults.points import Point, armed
from tests.faults.proxy import Passage, passages
from tests.support.database import Database
from tests.support.program import Program, Programs

RECEIVER_DETOUR, RECONCILER_DETOUR = "RECEIVER", "RECONCILER"
SENDER_RECEIVER, RECEIVER_KAFKA = "sender-receiver", "receiver-kafka"
RECONCILER_KAFKA, RECONCILER_POSTGRES = "reconciler-kafka", "reconciler-postgres"
WAYS = frozenset({SENDER_RECEIVER, RECEIVER_KAFKA, RECONCILER_KAFKA, RECONCILER_POSTGRES})

ACCOUNTS = f"""
[[account]]
name = "{ACCOUNT}"
username = "{USERNAME}"
password_file = "password"
previous_password_file = "previous-password"
previous_until = 2099-01-01T00:00:00Z
"""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays. `fresh_groups`: a reconciler comes back under another group name, and so at once.

    `spool_mib`: each spool lies on a small file system of that size. `point`: where programs end themselves,
    again and again, until all heals.
    """

    brokers: int = 1
    receivers: int = 1
    reconcilers: int = 1
    ways: frozenset[str] = frozenset()
    fresh_groups: bool = False
    spool_mib: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    point: Point | None = None


@dataclass
class Scene:
    """Made by `scene`. `group` is the reconcilers' consumer group, unless groups are fresh."""

    stack: Stack
    database: Database
    topics: Topics
    folder: Path
    programs: Programs
    cast: Cast
    password: str
    group: str
    rng: random.Random
    ways: dict[str, Sequence[Passage]] = field(default_factory=dict)
    keepers: dict[str, Keeper] = field(default_factory=dict)
    left: list[Keeper] = field(default_factory=list)
    """Of programs that were removed."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Of the receivers, by part."""
    remarks: list[str] = field(default_factory=list)
    """What a step of the schedule found wrong."""
    bites: Counter[str] = field(default_factory=Counter)
    """How much came about of the steps of each kind."""
    is_armed: bool = False
    refuses_strangers: bool = False
    """Whether the database does."""

    def keeper(self, part: str) -> Keeper:
        return self.keepers[part]

    @property
    def all_keepers(self) -> list[Keeper]:
        return [*self.keepers.values(), *self.left]

    def kept(self, kind: str) -> list[Keeper]:
        """All receivers, or all reconcilers."""
        return [keeper for name, keeper in self.keepers.items() if name.startswith(kind)]

    def spool(self, part: str) -> Path:
        return self.folder / f"spool-{part}"

    @property
    def urls(self) -> list[str]:
        """Where senders send."""
        if SENDER_RECEIVER in self.ways:
            return [f"http://{way.address}" for way in self.ways[SENDER_RECEIVER]]
        return [f"http://{address}" for address in self.addresses.values()]

    async def ready(self) -> None:
        await asyncio.gather(*(keeper.ready() for keeper in self.keepers.values()))

    async def add(self, part: str) -> None:
        """Starts one more receiver or reconciler, and returns when it is ready."""
        ops = f"{HOST}:{free_ports(1)[0]}"
        make = self._receiver if part.startswith("receiver") else self._reconciler
        self.keepers[part] = Keeper(part, make(part, ops), ops)
        await self.keepers[part].begin()

    async def remove(self, part: str) -> None:
        keeper = self.keepers.pop(part)
        self.left.append(keeper)
        await keeper.end()

    def _receiver(self, part: str, ops: str) -> Callable[[], Program]:
        self.addresses.setdefault(part, f"{HOST}:{free_ports(1)[0]}")
        env = {
            **self._kafka(RECEIVER_KAFKA),
            "RECEIVER_LISTEN": self.addresses[part],
            "RECEIVER_OPS_LISTEN": ops,
            "RECEIVER_ACCOUNTS_FILE": str(self.folder / "accounts.toml"),
            "RECEIVER_SPOOL_DIR": str(self.spool(part)),
            "RECEIVER_ALLOW": f"{HOST}/32",
            **self.cast.settings,
        }
        return lambda: self._launched(part, ("profile-receiver", "serve"), env)

    def _reconciler(self, part: str, ops: str) -> Callable[[], Program]:
        env = {**self._kafka(RECONCILER_KAFKA), **self._postgres(), "RECONCILER_OPS_LISTEN": ops}

        def launch() -> Program:
            group = f"{self.group}-{uuid.uuid4().hex[:8]}" if self.cast.fresh_groups else self.group
            own = {"RECONCILER_GROUP": group, **self.cast.settings}
            return self._launched(part, ("profile-reconciler", "run"), {**env, **own})

        return launch

    def _launched(self, part: str, command: tuple[str, str], env: Mapping[str, str]) -> Program:
        """As it is, or, while there is a point to end it at, as a test build."""
        point = self.cast.point
        if not self.is_armed or point is None or not part.startswith(point.part):
            return self.programs.launch(*command, env=env)
        env = {**env, **armed(point, self.rng.randrange(1, point.reached_max + 1))}
        return self.programs.launch("python", "-m", "tests.faults.armed", *command, env=env)

    def _kafka(self, way: str) -> dict[str, str]:
        if way not in self.ways:
            return {}
        return {"PROFILE_KAFKA_BOOTSTRAP": ",".join(passage.address for passage in self.ways[way])}

    def _postgres(self) -> dict[str, str]:
        if RECONCILER_POSTGRES not in self.ways:
            return {}
        dsn = self.database.writer_dsn
        address = dsn.rpartition("@")[2].partition("/")[0]
        return {"PROFILE_POSTGRES_DSN": dsn.replace(address, self.ways[RECONCILER_POSTGRES][0].address)}

    def parts_of_the_stack(self) -> dict[str, Part]:
        return {"postgres": "postgres", **{f"broker-{number}": number for number in self.stack.brokers}}

    async def heal(self) -> None:
        """Whatever was broken works again; returns when all programs say so."""
        self.is_armed = False
        for passage in (passage for way in self.ways.values() for passage in way):
            await passage.heal()
        await asyncio.to_thread(self.stack.up)
        for keeper in self.keepers.values():
            keeper.thaw()
            keeper.release()
        for keeper in self.kept(self.cast.point.part if self.cast.point else "nobody"):
            await keeper.restart()  # one that is still armed would end once more
        await self.ready()

    async def end(self) -> None:
        await asyncio.gather(*(keeper.end() for keeper in self.keepers.values()))
        self.programs.close()


@asynccontextmanager
async def scene(
    stack: Stack,
    database: Database,
    topics: Topics,
    folder: Path,
    cast: Cast,
    rng: random.Random,
    tree: Path | None = None,
) -> AsyncIterator[Scene]:
    """Everything runs and is ready; ended with the block, in order. `tree`: of the programs, if not this."""
    environment = {
        **({} if tree is None else {"PYTHONPATH": str(tree)}),
        "PROFILE_KAFKA_BOOTSTRAP": stack.bootstrap,
        "PROFILE_TOPIC_PREFIX": topics.prefix,
        "PROFILE_POSTGRES_DSN": database.writer_dsn,
        "AUDIT_POSTGRES_DSN": database.auditor_dsn,
    }
    password = f"c4nary/{uuid.uuid4().hex[:12]}"
    made = Scene(
        stack,
        database,
        topics,
        folder,
        Programs(environment, folder),
        cast,
        password,
        f"{topics.prefix}group",
        rng,
    )
    _write(folder, password)
    async with AsyncExitStack() as opened:
        try:
            await _open_ways(made, opened)
            await _make_disks(made, opened)
            await _start(made)
            yield made
        finally:
            await made.end()


def _write(folder: Path, password: str) -> None:
    (folder / "accounts.toml").write_text(ACCOUNTS, encoding="utf-8")
    (folder / "password").write_text(password, encoding="utf-8")
    (folder / "previous-password").write_text(f"{password}-before", encoding="utf-8")


async def _open_ways(scene: Scene, opened: AsyncExitStack) -> None:
    for way, name in ((RECEIVER_KAFKA, RECEIVER_DETOUR), (RECONCILER_KAFKA, RECONCILER_DETOUR)):
        if way in scene.cast.ways:
            detour = scene.stack.detour(name)
            scene.ways[way] = await opened.enter_async_context(passages(detour.advertised, detour.own))
    if RECONCILER_POSTGRES in scene.cast.ways:
        port = int(scene.database.address.rpartition(":")[2])
        scene.ways[RECONCILER_POSTGRES] = await opened.enter_async_context(passages([0], [port]))
    if SENDER_RECEIVER in scene.cast.ways:
        ports = free_ports(scene.cast.receivers)
        for number, port in enumerate(ports, start=1):
            scene.addresses[f"receiver-{number}"] = f"{HOST}:{port}"
        scene.ways[SENDER_RECEIVER] = await opened.enter_async_context(passages([0] * len(ports), ports))


async def _make_disks(scene: Scene, opened: AsyncExitStack) -> None:
    if scene.cast.spool_mib is not None:
        for number in range(scene.cast.receivers):
            spool = scene.spool(f"receiver-{number + 1}")
            await opened.enter_async_context(small_disk(spool, scene.cast.spool_mib))


async def _start(scene: Scene) -> None:
    scene.is_armed = True
    parts = [f"receiver-{number + 1}" for number in range(scene.cast.receivers)]
    parts += [f"reconciler-{number + 1}" for number in range(scene.cast.reconcilers)]
    await asyncio.gather(*(scene.add(part) for part in parts))
