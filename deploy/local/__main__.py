"""`profile-stack`: a private Kafka and PostgreSQL under one folder, for trying, testing and developing."""

import argparse
import json
import logging
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path

from deploy.local.faults import MisuseError, StackError
from deploy.local.process import tail
from deploy.local.stack import Report, Stack

DONE, FAILED, MISUSED = 0, 1, 2
FOLLOW_EVERY_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its faults come back to us as errors
    try:
        return run(options)
    except MisuseError as misuse:
        say(str(misuse))
        return MISUSED
    except StackError as fault:
        say(str(fault))
        return FAILED
    except OSError as error:
        say(f"{error.filename or 'the system'}: {error.strerror or error}. Put that right and try again.")
        return FAILED
    except KeyboardInterrupt:
        say("interrupted; `profile-stack up` goes on from here, `profile-stack down` stops what runs")
        return FAILED


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="profile-stack", description=__doc__)
    top.add_argument("--version", action="version", version=f"%(prog)s {version('profile-ledger')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = command(commands, "up", "start what does not run; returns when all answer")
    up.add_argument(
        "--bench", action="store_true", help="let Java compile Kafka fully: slower to start, faster when hot"
    )
    up.add_argument(
        "--brokers",
        type=count,
        metavar="N",
        help="of Kafka, when the home is new (default 1; 3 as in earnest)",
    )
    command(commands, "status", "what runs, and where; exit code 1 unless all does")
    down = command(commands, "down", "stop what this home started, and nothing else")
    down.add_argument("--erase", action="store_true", help="remove the data too")
    logs = command(commands, "logs", "the last lines of all logs, or of one")
    logs.add_argument("service", nargs="?", help="as `status` names them")
    logs.add_argument("--follow", action="store_true", help="go on with what is added, until interrupted")
    logs.add_argument("--lines", type=count, default=20, metavar="N", help="how many (default 20)")
    return top


def command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=text, description=text)
    added.add_argument("--home", type=folder, required=True, metavar="DIR", help="the folder of the stack")
    added.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return added


def folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return Path(text)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number above zero")
    return int(text)


def run(options: argparse.Namespace) -> int:
    brokers = getattr(options, "brokers", None)
    stack = Stack(options.home, brokers=brokers, say=say, quick=not getattr(options, "bench", False))
    match options.command:
        case "up":
            reports = stack.up()
            if options.bench and not all(report.started for report in reports if report.name != "postgres"):
                say("kafka: ran already; --bench counts from its next start")
            return show(stack, reports, as_json=options.json, after_up=True)
        case "status":
            return show(stack, stack.status(), as_json=options.json, after_up=False)
        case "down":
            return show_stopped(stack.down(erase=options.erase), as_json=options.json)
        case _:
            return show_logs(stack, options)


def show(stack: Stack, reports: Sequence[Report], *, as_json: bool, after_up: bool) -> int:
    if as_json:
        places = {"home": str(stack.home), "env": str(stack.home.env_file)}
        print(json.dumps({**places, **{report.name: described(report) for report in reports}}))
    else:
        for report in reports:
            print(line(report, after_up=after_up))
        print(f"settings  . {shlex.quote(str(stack.home.env_file))}")
    return DONE if all(report.condition == "running" for report in reports) else FAILED


def described(report: Report) -> dict[str, object]:
    return {
        "state": report.condition,
        "address": report.address,
        "pid": report.pid,
        "log": str(report.log),
        "started": report.started,
    }


def line(report: Report, *, after_up: bool) -> str:
    word: str = report.condition
    if report.condition == "stopped":
        return f"{report.name:<9} {word}"
    if after_up and report.condition == "running":
        word = "started now" if report.started else "ran already"
    return f"{report.name:<9} {word:<13} {report.address}  process {report.pid}"


def show_stopped(stopped: Sequence[str], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"stopped": list(stopped)}))
    else:
        print(f"stopped {' and '.join(stopped)}" if stopped else "nothing ran")
    return DONE


def show_logs(stack: Stack, options: argparse.Namespace) -> int:
    all_logs = {report.name: report.log for report in stack.status()}
    logs = {name: log for name, log in all_logs.items() if options.service in (None, name)}
    if not logs:
        raise MisuseError(f"there is no {options.service} here, but {', '.join(all_logs)}")
    if options.json:
        print(json.dumps({name: tail(log, options.lines) for name, log in logs.items()}))
        return DONE
    for log in logs.values():
        print(f"==> {log} <==")
        print("\n".join(tail(log, options.lines)))
    if options.follow:
        follow(logs)
    return DONE


def follow(logs: Mapping[str, Path]) -> None:
    """Prints what is added, each line with the name of its service, until interrupted."""
    with ExitStack() as opened, suppress(KeyboardInterrupt):
        sources = {name: opened.enter_context(log.open(errors="replace")) for name, log in logs.items()}
        for source in sources.values():
            source.seek(0, os.SEEK_END)
        while True:
            for name, source in sources.items():
                for text in source:
                    print(f"{name}: {text.rstrip()}", flush=True)
            time.sleep(FOLLOW_EVERY_S)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
