"""A wrong setting or a missing part is one message to a person: exit code 1 or 2, no traceback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from deploy.local.ports import HOST, free_ports
from tests.acceptance.product import PASSWORD, Product
from tests.support.database import Database
from tests.support.program import Finished, Programs

LINES_MAX = 6
ENDS_WITHIN_S = 40.0


@dataclass(frozen=True)
class Case:
    """`{closed}` in a setting is a port where nobody listens; `named` are words the message must have."""

    command: str
    arguments: tuple[str, ...]
    settings: Mapping[str, str]
    exit_code: int
    named: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join((self.command, *self.arguments, *self.settings))


NOBODY = "postgresql://profile_writer@127.0.0.1:{closed}/profile_ledger"
CASES = (
    Case("profile-receiver", ("serve",), {"RECEIVER_ACCOUNTS_FILE": ""}, 2, ("RECEIVER_ACCOUNTS_FILE",)),
    Case(
        "profile-receiver", ("serve",), {"RECEIVER_ACCOUNTS_FILE": "/nowhere/accounts.toml"}, 2, ("/nowhere",)
    ),
    Case(
        "profile-receiver",
        ("serve",),
        {"RECEIVER_LISTEN": "nonsense", "RECEIVER_ALLOW": "300.1.1.1", "RECEIVER_BODY_BYTES_MAX": "-1"},
        2,
        ("RECEIVER_LISTEN", "RECEIVER_ALLOW", "RECEIVER_BODY_BYTES_MAX"),
    ),
    Case("profile-receiver", ("serve",), {"RECEIVER_TLS_CERT": "/nowhere/cert.pem"}, 2, ("RECEIVER_TLS_",)),
    Case(
        "profile-receiver",
        ("serve",),
        {"RECEIVER_LISTEN": "127.0.0.1:1", "RECEIVER_OPS_LISTEN": "192.0.2.1:1"},
        1,
    ),
    Case("profile-receiver", ("serve",), {"PROFILE_ENV_FILE": "/nowhere/env"}, 2, ("PROFILE_ENV_FILE",)),
    Case("profile-receiver", ("no-such-command",), {}, 2, ("no-such-command",)),
    Case("profile-reconciler", ("no-such-command",), {}, 2, ("no-such-command",)),
    Case("profile-reconciler", ("run",), {"PROFILE_POSTGRES_DSN": "mysql://x"}, 2, ("PROFILE_POSTGRES_DSN",)),
    Case("profile-reconciler", ("run",), {"PROFILE_KAFKA_BOOTSTRAP": "a b"}, 2, ("PROFILE_KAFKA_BOOTSTRAP",)),
    Case(
        "profile-reconciler",
        ("run",),
        {"RECONCILER_BATCH_EVENTS_MAX": "many", "RECONCILER_OPS_LISTEN": "x"},
        2,
        ("RECONCILER_BATCH_EVENTS_MAX", "RECONCILER_OPS_LISTEN"),
    ),
    Case("profile-reconciler", ("run",), {"PROFILE_POSTGRES_DSN": NOBODY}, 1, ("PROFILE_POSTGRES_DSN",)),
    Case(
        "profile-reconciler", ("run",), {"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:{closed}"}, 1, ("127.0.0.1:",)
    ),
    Case(
        "profile-reconciler", ("run",), {"PROFILE_TOPIC_PREFIX": "no.such.prefix."}, 1, ("no.such.prefix.",)
    ),
    Case("profile-reconciler", ("migrate",), {"MIGRATE_POSTGRES_DSN": NOBODY}, 1, ("MIGRATE_POSTGRES_DSN",)),
    Case("profile-reconciler", ("offsets", "show"), {"PROFILE_POSTGRES_DSN": NOBODY}, 1),
    Case("profile-reconciler", ("topics", "check"), {"PROFILE_KAFKA_BOOTSTRAP": "127.0.0.1:{closed}"}, 1),
    Case("profile-audit", ("verify",), {"AUDIT_POSTGRES_DSN": NOBODY}, 1, ("AUDIT_POSTGRES_DSN",)),
    Case("profile-audit", ("request",), {}, 2),
)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_is_wrong_is_said_once_and_plainly(product: Product, case: Case) -> None:
    env = {
        "RECEIVER_ACCOUNTS_FILE": str(product.folder / "accounts.toml"),
        "RECEIVER_SPOOL_DIR": str(product.folder / "spool"),
        **{name: value.replace("{closed}", str(free_ports(1)[0])) for name, value in case.settings.items()},
    }
    done = await product.programs.run(case.command, *case.arguments, env=env, within_s=ENDS_WITHIN_S)
    assert_plain(done)
    assert done.exit_code == case.exit_code, done.stderr
    missing = [word for word in case.named if word not in done.stderr]
    assert not missing, done.stderr


def assert_plain(done: Finished) -> None:
    """A few lines on stderr, nothing on stdout, no traceback, no secret."""
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stderr
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= LINES_MAX, done.stderr


async def test_a_bad_accounts_file_is_told_whole_and_without_its_secrets(product: Product) -> None:
    product.write(
        "accounts.toml", '[[account]]\nname="a"\npassword="hunter2-canary"\n[[account]]\ncolour="red"\n'
    )
    env = {
        "RECEIVER_ACCOUNTS_FILE": str(product.folder / "accounts.toml"),
        "RECEIVER_SPOOL_DIR": str(product.folder / "spool"),
    }
    for command in ("serve", "check"):
        done = await product.programs.run("profile-receiver", command, env=env)
        assert done.exit_code == 2, done.stderr
        assert "account 2" in done.stderr + done.stdout
        assert "hunter2" not in done.stderr + done.stdout
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("profile-reconciler", "run"), ("profile-audit", "verify")])
async def test_a_database_without_schema_is_named(
    programs: Programs, unmigrated_database: Database, command: tuple[str, str]
) -> None:
    env = {
        "PROFILE_POSTGRES_DSN": unmigrated_database.owner_dsn,
        "AUDIT_POSTGRES_DSN": unmigrated_database.owner_dsn,
    }
    done = await programs.run(*command, env=env, within_s=ENDS_WITHIN_S)
    assert_plain(done)
    assert done.exit_code == 1
    assert "migrate" in done.stderr


@pytest.mark.parametrize(
    "command",
    [("profile-reconciler", "run"), ("profile-reconciler", "migrate")],
    ids=lambda command: command[1],
)
async def test_a_newer_schema_is_refused(product: Product, command: tuple[str, str]) -> None:
    async with product.database.connect() as connection:
        await connection.execute(
            "insert into ledger.schema_migration (version, name, sha256, applied_at)"
            " select 9999, 'from_the_future', sha256, now() from ledger.schema_migration limit 1"
        )
    done = await product.programs.run(*command, within_s=ENDS_WITHIN_S)
    assert_plain(done)
    assert done.exit_code == 1
    assert "9999" in done.stderr


async def test_the_receivers_check_names_a_broker_nobody_can_reach(product: Product) -> None:
    closed = f"{HOST}:{free_ports(1)[0]}"
    done = await product.programs.run(
        "profile-receiver",
        "check",
        env={
            "PROFILE_KAFKA_BOOTSTRAP": closed,
            "RECEIVER_ACCOUNTS_FILE": str(product.folder / "accounts.toml"),
            "RECEIVER_SPOOL_DIR": str(product.folder / "spool"),
        },
        within_s=ENDS_WITHIN_S,
    )
    assert done.exit_code == 1, done.stderr
    assert closed in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


async def test_every_command_tells_its_version_and_help(programs: Programs) -> None:
    names = (
        "profile-receiver",
        "profile-reconciler",
        "profile-audit",
        "profile-stack",
        "thingspace-simulator",
    )
    ways = [(name, option) for name in names for option in ("--version", "--help")]
    done = await asyncio.gather(*(programs.run(*way) for way in ways))
    for (name, option), told in zip(ways, done, strict=True):
        assert (told.exit_code, told.stderr) == (0, ""), name
        assert ("0." if option == "--version" else "usage") in told.stdout.lower(), name


async def test_results_are_json_where_asked(product: Product) -> None:
    done = await product.programs.run("profile-audit", "request", "no-such-request", "--json")
    assert done.exit_code == 1
    assert done.stdout == "" or json.loads(done.stdout)
    assert "Traceback" not in done.stderr
