"""A hot stand-by of the test's PostgreSQL: a copy that follows it, until it is promoted."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import asyncpg

from deploy.local.ports import HOST, free_ports
from deploy.local.postgres import SUPERUSER, find_installation
from deploy.local.unprivileged import User, whom_to_run_as, within_reach
from tests.support.database import Database
from tests.support.polling import eventually

COPY_WITHIN_S = 120
STOP_WITHIN_S = 30


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Standby:
    """`database` is the copy of the test's own, readable only."""

    primary: Database
    database: Database

    async def follows(self) -> None:
        """Returns when it has all that the primary has now."""
        async with self.primary.connect() as primary:
            written = await primary.fetchval("select pg_create_restore_point('followed')::text")

        async def has_it() -> bool:
            try:
                async with self.database.connect() as connection:
                    found: bool = await connection.fetchval(
                        "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written
                    )
            except (OSError, asyncpg.CannotConnectNowError):  # it is starting
                return False
            return found

        await eventually(has_it, within_s=30)

    async def promote(self) -> None:
        async with self.database.connect() as connection:
            assert await connection.fetchval("select pg_promote(true, 60)")


@contextmanager
def standby_of(database: Database) -> Iterator[Standby]:
    user = whom_to_run_as()
    binaries = within_reach(find_installation().binaries, user, lambda _: None)
    folder = Path(tempfile.mkdtemp(prefix="profile-standby-"))
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        _copy(binaries, database, folder / "data", user)
        (port,) = free_ports(1)
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port)],
                stdout=log,
                stderr=log,
                cwd="/",
                **_as(user),
            )
        try:
            yield Standby(database, replace(database, address=f"{HOST}:{port}"))
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(STOP_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(binaries: Path, database: Database, data: Path, user: User | None) -> None:
    """`-R`: it is to follow where it was copied from."""
    host, _, port = database.address.rpartition(":")
    where = ["-h", host, "-p", port, "-U", SUPERUSER, "-D", str(data)]
    options = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
    subprocess.run(
        [str(binaries / "pg_basebackup"), *where, *options],
        check=True,
        cwd="/",
        timeout=COPY_WITHIN_S,
        **_as(user),
    )


def _as(user: User | None) -> _Identity:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
