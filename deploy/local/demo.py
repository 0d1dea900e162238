"""`make demo`: a small fleet's day, from ThingSpace's callbacks to settled rows, on real parts, shown.

Everything lives in `var/demo` and starts afresh each time. What the simulator meant to happen (its journal)
is held against what the ledger says, so the demo is a check as well: exit code 1 where they differ.
"""

import argparse
import asyncio
import json
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.table import Table

from deploy.local import demo_lost
from deploy.local.demo_programs import Programs
from deploy.local.faults import MisuseError, StackError
from deploy.local.ports import HOST, free_ports
from deploy.local.stack import Stack

HOME = Path("var/demo")
FLEET, VENDOR = "1223334444-00001", "1223334444-00002"
PASSWORD, PATH_SECRET = "a-password-for-the-demo", "a-path-for-the-demo"
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
QUARANTINED = "quarantined"
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
    ("bulk-thirty", FLEET, "one request for thirty devices: three fail, one is out of reach"),
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
        addresses = [f"{HOST}:{port}" for port in free_ports(4)]
        self.callbacks, self.receiver_ops, self.reconciler_ops, self.thingspace = addresses

    def say(self, text: str) -> None:
        self.console.print(f"[bold cyan]•[/bold cyan] {text}", soft_wrap=True)

    def prepare(self) -> Programs:
        """Stack, schema and both programs, from nothing."""
        self.say("a private Kafka and PostgreSQL")
        self.stack.up()
        for name, text in (("accounts.toml", ACCOUNTS), ("password", PASSWORD), ("path-secret", PATH_SECRET)):
            (self.folder / name).write_text(text, encoding="utf-8")
        demo_lost.prepare(self.folder, FLEET, self.callbacks)
        settings = self.settings()
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
        (self.folder / "env").write_text("".join(lines), encoding="utf-8")
        programs = Programs(self.folder, settings)
        self.say("profile-reconciler migrate: schema and roles")
        programs.must("profile-reconciler", "migrate")
        self.say(f"thingspace-simulator serve, on http://{self.thingspace}: it loses every callback")
        thingspace = demo_lost.start(programs, self.thingspace)
        self.say(f"profile-receiver serve, on http://{self.callbacks}")
        receiver = programs.start("profile-receiver", "serve")
        self.say("profile-reconciler run")
        reconciler = programs.start("profile-reconciler", "run")
        programs.wait_ready(receiver, self.receiver_ops)
        programs.wait_ready(reconciler, self.reconciler_ops)
        programs.wait_ready(thingspace, self.thingspace, "/control")
        return programs

    def settings(self) -> dict[str, str]:
        """Fit for every folder one may stand in."""
        return {
            **self.stack.settings(),
            "RECEIVER_LISTEN": self.callbacks,
            "RECEIVER_OPS_LISTEN": self.receiver_ops,
            "RECONCILER_OPS_LISTEN": self.reconciler_ops,
            "RECEIVER_ACCOUNTS_FILE": str(self.folder / "accounts.toml"),
            "RECEIVER_SPOOL_DIR": str(self.folder / "spool"),
            "RECEIVER_ALLOW": f"{HOST}/32",
            **demo_lost.settings(self.folder, self.thingspace),
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
            Truth(line["request_id"], line["device"], line["state"] or QUARANTINED)
            for line in lines
            if line["type"] == "truth"
        )
        told = ", ".join(f"{count}x {status}" for status, count in sorted(answers.items()))
        self.say(f"{title}  [dim]({told})[/dim]")
        return Played(title, told, truths)

    def ask(self, programs: Programs) -> Played:
        """What we ask ThingSpace for ourselves; its callback is lost."""
        request_id = demo_lost.ask(programs, FLEET)
        self.say(f"{demo_lost.TITLE}  [dim](nothing came)[/dim]")
        return Played(demo_lost.TITLE, "never sent", (Truth(request_id, demo_lost.EID, "succeeded"),))

    def quote(self, programs: Programs, name: str, *arguments: str) -> None:
        """A command a person would type next, and what it says."""
        self.console.print(f"\n[bold]$ {name} {' '.join(arguments)}[/bold]")
        self.console.out(programs.must(name, *arguments).rstrip())

    def where_next(self, keep: bool) -> None:
        if not keep:
            self.console.print(
                "Where next: `make demo KEEP=1` leaves it all running; README.md has the rest."
            )
            return
        self.console.print(
            f"It is all still running. Callbacks: http://{self.callbacks}/v1/callbacks/{FLEET}/DeviceProfileService"
            f"\n  as the user fleet; the password is in {self.folder}/password"
            f"\n  metrics: http://{self.receiver_ops}/metrics and http://{self.reconciler_ops}/metrics"
            f"\n  settings for the commands: source {shlex.quote(str(self.folder / 'env'))}"
            f"\n  stop it: make demo-stop",
            soft_wrap=True,
        )


def ledger_says(programs: Programs, request_id: str) -> dict[str | None, str]:
    """The state of each operation of a request, by what stands for its device."""
    found = programs.run("profile-audit", "request", request_id, "--json")
    if found.returncode != 0:
        return {}
    return {one["device"]: one["state"] for one in json.loads(found.stdout)["operations"]}


def quarantined(stack: Stack) -> list[tuple[str, str | None]]:
    """Reason and request id of everything that could not be used, as the auditor's view shows it."""

    async def read() -> list[tuple[str, str | None]]:
        connection = await asyncpg.connect(stack.dsn("profile_auditor"))
        try:
            rows = await connection.fetch("select reason, request_id from audit.quarantine order by 1, 2")
        finally:
            await connection.close()
        return [(row["reason"], row["request_id"]) for row in rows]

    return asyncio.run(read())


def became(stack: Stack, programs: Programs, truths: Sequence[Truth]) -> list[tuple[Truth, str]]:
    """What the ledger holds for each truth; waits until it agrees, or long enough."""
    end = time.monotonic() + SETTLED_WITHIN_S
    while True:
        states = held(stack, programs, truths)
        found = [(truth, states.get((truth.request_id, truth.device), "nothing")) for truth in truths]
        if all(truth.state == state for truth, state in found) or time.monotonic() > end:
            return found
        time.sleep(LOOK_EVERY_S)


def held(
    stack: Stack, programs: Programs, truths: Sequence[Truth]
) -> dict[tuple[str | None, str | None], str]:
    """State by request and device; what is quarantined stands without a device."""
    states: dict[tuple[str | None, str | None], str] = {}
    for request_id in dict.fromkeys(truth.request_id for truth in truths if truth.state != QUARANTINED):
        for device, state in ledger_says(programs, request_id or "").items():
            states[request_id, device] = state
    if any(truth.state == QUARANTINED for truth in truths):
        states.update({(request_id, None): QUARANTINED for _, request_id in quarantined(stack)})
    return states


def show(demo: Demo, programs: Programs, played: Sequence[Played]) -> bool:
    """The day in one table, the ledger's own words on two of its requests, and the proof."""
    table = Table("what ThingSpace did", "answered", "what became of it", "", title="The day")
    right = True
    for story in played:
        found = became(demo.stack, programs, story.truths)
        agrees = all(truth.state == state for truth, state in found)
        right = right and agrees
        states = Counter(state for _, state in found)
        told = ", ".join(f"{count} {state}" if count > 1 else state for state, count in states.items())
        table.add_row(story.title, story.answers, told, "[green]✓[/green]" if agrees else "[red]✗[/red]")
    demo.console.print(table)
    demo.quote(programs, "profile-audit", "request", played[1].truths[0].request_id or "")
    demo.quote(programs, "profile-audit", "device", played[0].truths[0].device or "")
    demo.quote(programs, "profile-reconciler", "explain", played[-1].truths[0].request_id or "")
    demo.quote(programs, "profile-audit", "verify")
    return right


def run(keep: bool) -> int:
    begun = time.monotonic()
    console = Console(highlight=False)
    folder = HOME.absolute()
    clear(folder)
    folder.mkdir(parents=True)
    demo = Demo(folder, console)
    right = False
    try:
        programs = demo.prepare()
        played = [*(demo.play(programs, *story) for story in STORIES), demo.ask(programs)]
        right = show(demo, programs, played)
    finally:
        if not (keep and right):
            stop(folder)
    took = f"{time.monotonic() - begun:.0f} s in all; logs and journals: {folder}"
    console.print(f"\n{verdict(right)} {took}", soft_wrap=True)
    demo.where_next(keep and right)
    return 0 if right else 1


def verdict(right: bool) -> str:
    if right:
        return "[green]✓ The ledger holds what the simulator meant, operation by operation.[/green]"
    return "[red]✗ The ledger does not hold what the simulator meant: see the lines marked ✗.[/red]"


def stop(folder: Path) -> None:
    """Ends whatever a demo in `folder` started."""
    if folder.exists():
        Programs(folder, {}).stop_all()
    if (folder / "stack").exists():
        Stack(folder / "stack").down()


def clear(folder: Path) -> None:
    """Each demo starts from nothing: what an earlier one left is stopped and removed."""
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="stop what an earlier demo left running")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.stop:
            stop(HOME.absolute())
            return 0
        return run(chosen.keep)
    except (StackError, MisuseError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
