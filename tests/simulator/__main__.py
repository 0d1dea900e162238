"""`thingspace-simulator`: parse, build, run."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO, cast

import uvloop

from tests.simulator import catalogue, options
from tests.simulator.delivery import MODES, ScaledClock
from tests.simulator.journal import Journal
from tests.simulator.load import LoadPlan, run_load
from tests.simulator.loadjournal import write_load
from tests.simulator.message import Listener
from tests.simulator.player import PORTS, Player, Result
from tests.simulator.script import DeviceLine, FaultLine, Script, ScriptError, Stage, Step, file_message
from tests.simulator.server.serve import Serving, serve
from tests.simulator.server.settings import Settings, SettingsError, read_settings, settings_file
from tests.simulator.story import Delivery, Story, Wave
from tests.simulator.wire import HttpWire


class MisuseError(Exception):
    """A wrong option or file; the text says what to do."""


def say(text: str) -> None:
    print(text, file=sys.stderr)


def listener_of(arguments: argparse.Namespace) -> Listener:
    return Listener(
        account=arguments.account,
        urls=tuple(arguments.url),
        username=arguments.username,
        password=secret_of(arguments.password_file) or "",
        previous_password=secret_of(arguments.previous_password_file),
        path_secret=secret_of(arguments.path_secret_file),
    )


def secret_of(path: str | None) -> str | None:
    return None if path is None else bytes_of(path).decode().rstrip("\r\n")


def bytes_of(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise MisuseError(f"{path}: {error.strerror}") from error


@contextmanager
def journal_of(path: str | None) -> Iterator[TextIO | None]:
    """The journal to append to, or nothing; MisuseError where it cannot be opened."""
    with ExitStack() as stack:
        try:
            stream = None if path is None else stack.enter_context(Path(path).open("a", encoding="utf-8"))
        except OSError as error:
            raise MisuseError(f"{path}: {error.strerror}") from error
        yield stream


def seed_of(arguments: argparse.Namespace) -> str:
    if arguments.seed is not None:
        return str(arguments.seed)
    seed = uuid.uuid4().hex[:8]
    say(f"seed {seed}")
    return seed


def single(arguments: argparse.Namespace, listener: Listener) -> Story:
    """The story of `send`: one message, nothing expected of the ledger."""
    step = step_of(arguments)
    if arguments.file is not None:
        message = file_message(bytes_of(arguments.file), step)
        return Story("send", (Wave((Delivery(message, step.copies),)),), ())
    line = DeviceLine(eid=arguments.eid, iccid=arguments.iccid, imei=arguments.imei, mdn=arguments.mdn)
    script = Script(title="send", devices={"device": line}, step=(step,))
    return Stage(script, "send", listener, seed_of(arguments)).story()


def step_of(arguments: argparse.Namespace) -> Step:
    fault = None
    if arguments.fault_code or arguments.fault_text:
        fault = FaultLine(code=arguments.fault_code or "", text=arguments.fault_text or "")
    try:
        return Step(
            request_id=arguments.request_id,
            action=arguments.action,
            status=arguments.status,
            euicc_status=arguments.euicc_status,
            fault=fault,
            echo=tuple(kind for kind in arguments.echo.split(",") if kind),
            reports=arguments.reports,
            spelling=tuple(arguments.spelling),
            gzip=arguments.gzip,
            service=arguments.service,
            attempt=arguments.attempt,
            copies=arguments.copies,
        )
    except ValueError as error:
        raise MisuseError(str(error)) from error


class Progress:
    """A line on stderr about once a second, and one at the end."""

    def __init__(self) -> None:
        self._next = time.monotonic() + 1

    def __call__(self, done: int, total: int) -> None:
        if done == total or time.monotonic() >= self._next:
            say(f"{done} of {total} messages")
            self._next = time.monotonic() + 1


async def play(
    arguments: argparse.Namespace,
    listener: Listener,
    stories: Sequence[Story],
    *,
    at_once: int = 1,
    connections: int = PORTS,
) -> Result:
    mode = replace(MODES[arguments.mode], refusals_count=arguments.refusal_count == 2)
    rng = random.Random(arguments.seed)
    with journal_of(arguments.journal) as stream:
        async with HttpWire(
            answer_limit_s=mode.answer_limit_s, sources=arguments.source, ca_file=arguments.ca
        ) as wire:
            journal = Journal(stream, listener)
            player = Player(
                listener,
                wire,
                mode,
                ScaledClock(arguments.clock_scale),
                journal,
                rng,
                at_once,
                connections,
                Progress(),
            )
            return await player.play(stories)


def report(result: Result, *, as_json: bool) -> int:
    answers = dict(sorted(result.answers.items()))
    if as_json:
        fields = {"messages": result.messages, "attempts": result.attempts, "answers": answers}
        print(json.dumps({**fields, "fates": dict(result.fates), "surprises": result.surprises}))
    else:
        told = ", ".join(f"{answer}: {count}" for answer, count in answers.items())
        print(f"{result.messages} messages in {result.attempts} attempts: {told}")
        if result.surprises:
            print(f"{result.surprises} answers were not the expected ones")
    return 1 if result.surprises else 0


def run_send(arguments: argparse.Namespace) -> int:
    listener = listener_of(arguments)
    story = single(arguments, listener)
    if arguments.print:
        message = story.waves[0].deliveries[0].message
        sys.stdout.buffer.write(message.bytes_at(message.first_attempt) + b"\n")
        return 0
    return report(uvloop.run(play(arguments, listener, [story])), as_json=arguments.json)


def run_play(arguments: argparse.Namespace) -> int:
    listener = listener_of(arguments)
    arguments.seed = seed_of(arguments)
    stories = catalogue.stories(arguments.scenario, listener, arguments.seed, arguments.operations)
    at_once, connections = arguments.concurrency, arguments.connections
    result = uvloop.run(play(arguments, listener, stories, at_once=at_once, connections=connections))
    return report(result, as_json=arguments.json)


def run_many(arguments: argparse.Namespace) -> int:
    listener = listener_of(arguments)
    plan = LoadPlan(
        arguments.count,
        arguments.connections,
        arguments.rate,
        arguments.devices,
        arguments.repeat_every,
        seed_of(arguments),
    )
    found = uvloop.run(run_load(listener, plan))
    with journal_of(arguments.journal) as stream:
        if stream is not None:
            write_load(stream, listener, plan, found)
    milliseconds = {name: round(found.quantile(share) * 1000, 2) for name, share in QUANTILES.items()}
    answers = {str(status or "none"): count for status, count in sorted(found.answers.items())}
    if arguments.json:
        figures = {"answers": answers, "seconds": found.seconds, "cpu_seconds": found.cpu_seconds}
        print(json.dumps({**figures, "rate": len(found.order) / found.seconds, "latency_ms": milliseconds}))
    else:
        told = ", ".join(f"{answer}: {count}" for answer, count in answers.items())
        print(f"{told} in {found.seconds:.1f} s ({found.cpu_seconds:.1f} s CPU of our own)")
        print("latency in ms: " + ", ".join(f"{name} {value}" for name, value in milliseconds.items()))
    return 0 if set(found.answers) == {200} else 1


QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def run_scenarios(arguments: argparse.Namespace) -> int:
    if arguments.name:
        print(catalogue.text_of(arguments.name), end="")
    elif arguments.json:
        print(json.dumps([{"name": one.name, "title": one.title} for one in catalogue.entries()]))
    else:
        for one in catalogue.entries():
            print(f"{one.name:24}{one.title}")
    return 0


def run_serve(arguments: argparse.Namespace) -> int:
    settings = Settings() if arguments.config is None else read_settings(settings_file(arguments.config))
    host, port = arguments.listen
    serving = Serving(host, port, seed_of(arguments), arguments.clock_scale, arguments.mode)
    with journal_of(arguments.journal) as stream:
        uvloop.run(serve(settings, serving, stream, sys.stdout))
    return 0


COMMANDS = {
    "send": run_send,
    "play": run_play,
    "load": run_many,
    "serve": run_serve,
    "scenarios": run_scenarios,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parsed = options.parser().parse_args(arguments)
    try:
        return COMMANDS[cast(str, parsed.command)](parsed)
    except (MisuseError, ScriptError, SettingsError) as error:
        say(f"thingspace-simulator: {error}")
        return 2
    except OSError as error:
        say(f"thingspace-simulator: {error}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("thingspace-simulator: stopped")
        return 1


if __name__ == "__main__":
    sys.exit(main())
