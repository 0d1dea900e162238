"""`make demo`: a small fleet's day, from ThingSpace's callbacks to settled rows, on real parts, shown.

Everything lives in `var/demo` and starts afresh each time. What the simulator meant to happen (its journal) is
held against what the ledger says (`profile-audit`), so the demo is a check as well: exit code 1 where they differ.
"""

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.local.demo_programs import Programs
from deploy.local.faults import MisuseError, StackError
from deploy.local.ports import HOST, free_ports
from deploy.local.stack import Stack

HOME = Path("var/demo")
FLEET, VENDOR = "1223334444-00001", "1223334444-00002"
PASSWORD, PATH_SECRET = "a-password-for-the-demo", "a-path-for-the-demo"  # noqa: S105  both live on loopback only
ACCOUNTS = f"""
[[account]]
name = "{FLEET}"
username = "fleet"
password_file = "password"

[[account]]             # registered with ThingSpace without credentials, as in the vendor's printed sample
name = "{VENDOR}"
credentials = "none"
path_secret_file = "path-secret"
"""
SETTLED_WITHIN_S = 30.0
LOOK_EVERY_S = 0.1

STORIES = (
    ("vendor-delete", VENDOR, "Verizon's printed delete callback, byte for byte, trailing comma and all"),
    ("warning-then-final", FLEET, "a device out of reach: first the warning, later the final"),
    ("final-before-warning", FLEET, "the same, but the final overtakes its warning"),
    ("four-copies", FLEET, "one callback, four copies at the same moment"),
    ("fault", FLEET, "ThingSpace reports a fault"),
    ("wrong-password", FLEET, "somebody who does not know the password"),
    ("unreadable", FLEET, "a body cut off in the middle"),
    ("bulk-thirty", FLEET, "one request for thirty devices, three of which fail"),
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What the simulator meant: an operation's state, or a quarantined message."""

    request_id: str | None
    device: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Played:
    title: str
    answers: str
    truths: tuple[Truth, ...]


class Demo:
    def __init__(self, folder: Path, console: Console) -> None:
        self.folder = folder
        self.console = console
        self.stack = Stack(folder / "stack", say=lambda text: console.print(f"    [dim]{text}[/dim]"))
        self.callbacks, self.receiver_ops, self.reconciler_ops = (f"{HOST}:{port}" for port in free_ports(3))

    def say(self, text: str) -> None:
        self.console.print(f"[bold cyan]•[/bold cyan] {text}")

    def prepare(self) -> Programs:
        """Stack, schema, both programs, from nothing."""
        self.say("a private Kafka and PostgreSQL")
        self.stack.up()
        (self.folder / "accounts.toml").write_text(ACCOUNTS, encoding="utf-8")
        (self.folder / "password").write_text(PASSWORD, encoding="utf-8")
        (self.folder / "path-secret").write_text(PATH_SECRET, encoding="utf-8")
        programs = Programs(self.folder, self.settings())
        self.say("profile-reconciler migrate: schema and roles")
        programs.must("profile-reconciler", "migrate")
        self.say(f"profile-receiver serve, on http://{self.callbacks}")
        receiver = programs.start("profile-receiver", "serve")
        self.say("profile-reconciler run")
        reconciler = programs.start("profile-reconciler", "run")
        programs.wait_ready(receiver, self.receiver_ops)
        programs.wait_ready(reconciler, self.reconciler_ops)
        return programs

    def settings(self) -> dict[str, str]:
        return {
            **self.stack.settings(),
            "RECEIVER_LISTEN": self.callbacks,
            "RECEIVER_OPS_LISTEN": self.receiver_ops,
            "RECONCILER_OPS_LISTEN": self.reconciler_ops,
            "RECEIVER_ACCOUNTS_FILE": "accounts.toml",
            "RECEIVER_SPOOL_DIR": "spool",
            "RECEIVER_ALLOW": f"{HOST}/32",
        }

    def play(self, programs: Programs, name: str, account: str, title: str) -> Played:
        """One scenario of thingspace-simulator; its journal says what was answered and what must follow."""
        journal = f"journal-{name}.ndjson"
        who = (
            ("--path-secret-file", "path-secret")
            if account == VENDOR
            else ("--username", "fleet", "--password-file", "password")
        )
        programs.must(
            "thingspace-simulator",
            *("play", name, "--url", f"http://{self.callbacks}", "--account", account, *who),
            *("--seed", "demo", "--clock-scale", "60", "--journal", journal),
        )
        lines = [json.loads(line) for line in (self.folder / journal).read_text("utf-8").splitlines()]
        answers = Counter(line["status"] for line in lines if line["type"] == "attempt")
        truths = tuple(
            Truth(line["request_id"], line["device"], line["state"] or "quarantined")
            for line in lines
            if line["type"] == "truth"
        )
        told = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
        self.say(f"{title}  [dim]({told})[/dim]")
        return Played(title, told, truths)


def ledger_says(programs: Programs, request_id: str) -> dict[str | None, str]:
    """The state of each operation of a request, by what stands for its device."""
    found = programs.run("profile-audit", "request", request_id, "--json")
    if found.returncode != 0:
        return {}
    return {one["device"]: one["state"] for one in json.loads(found.stdout)["operations"]}


def quarantined(programs: Programs) -> Counter[str]:
    return Counter(programs.must("profile-audit", "quarantine-reasons").split())


def became(programs: Programs, played: Played) -> Iterator[tuple[Truth, str]]:
    """What the ledger holds for each truth; waits until it agrees, or long enough."""
    end = time.monotonic() + SETTLED_WITHIN_S
    for request_id in dict.fromkeys(truth.request_id for truth in played.truths):
        wanted = [truth for truth in played.truths if truth.request_id == request_id]
        states = ledger_says(programs, request_id or "")
        while any(states.get(truth.device) != truth.state for truth in wanted) and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)
            states = ledger_says(programs, request_id or "")
        yield from ((truth, states.get(truth.device, "nothing")) for truth in wanted)
