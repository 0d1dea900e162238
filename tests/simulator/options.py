"""The command line, read into arguments and nothing else."""

from __future__ import annotations

import argparse
from importlib import metadata

from tests.simulator.catalogue import OPERATIONS_USUAL
from tests.simulator.delivery import MODES
from tests.simulator.player import PORTS
from tests.simulator.script import known_spellings

DESCRIPTION = """A stand-in for Verizon ThingSpace: sends eUICC profile callbacks as Verizon does."""
EXIT_CODES = "Exit codes: 0 done, 1 an answer was not the expected one, 2 misused."


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="thingspace-simulator", description=DESCRIPTION, epilog=EXIT_CODES, allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {metadata.version('profile-ledger')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _send(commands.add_parser("send", help="one callback, from a file or from options", epilog=EXIT_CODES))
    _play(commands.add_parser("play", help="a scenario, by name or from a file", epilog=EXIT_CODES))
    _load(
        commands.add_parser(
            "load", help="many callbacks at a fixed rate or as fast as answered", epilog=EXIT_CODES
        )
    )
    _serve(
        commands.add_parser("serve", help="ThingSpace's API itself, with cards behind it", epilog=EXIT_CODES)
    )
    _scenarios(commands.add_parser("scenarios", help="what there is to play", epilog=EXIT_CODES))
    return top


def _listener(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("listener")
    group.add_argument(
        "--url",
        action="append",
        required=True,
        metavar="URL",
        help="where the listener is; /v1/callbacks/ACCOUNT/SERVICE is added where it has no path; repeatable",
    )
    group.add_argument("--account", required=True, help="billing account, as 1223334444-00001")
    group.add_argument(
        "--username", default="", help="user name inside the body (default: empty, as unregistered)"
    )
    group.add_argument("--password-file", metavar="FILE", help="password inside the body")
    group.add_argument("--previous-password-file", metavar="FILE", help="the password before a rotation")
    group.add_argument("--path-secret-file", metavar="FILE", help="last segment of the path")


def _delivery(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("delivery")
    group.add_argument(
        "--mode",
        choices=sorted(MODES),
        default="observed",
        help="documented: 4 attempts 300 s apart; observed (default): a quick retry, or a copy after 4 s",
    )
    group.add_argument(
        "--clock-scale",
        type=_positive,
        default=1.0,
        metavar="N",
        help="simulated seconds in a real one: shortens pauses, never the wait for an answer (default 1)",
    )
    group.add_argument(
        "--refusal-count",
        type=int,
        choices=(1, 2),
        default=2,
        help="callbackCount of the retry after a refusal, which nobody knows (default 2)",
    )
    group.add_argument(
        "--source", action="append", default=[], metavar="IP", help="local address to send from"
    )
    group.add_argument(
        "--ca", metavar="FILE", help="PEM of the authority that signed the listener's certificate"
    )
    group.add_argument("--journal", metavar="FILE", help="NDJSON of every attempt, answer and expectation")
    group.add_argument("--json", action="store_true", help="the result as one JSON document")


def _send(command: argparse.ArgumentParser) -> None:
    _listener(command)
    group = command.add_argument_group("message")
    group.add_argument(
        "--file", metavar="FILE", help="a body, sent byte for byte; the options below are not used"
    )
    group.add_argument("--request-id", metavar="ID", help="default: a new one")
    for name in ("eid", "iccid", "imei", "mdn"):
        group.add_argument(f"--{name}", metavar=name.upper(), help="default: made from the seed")
    group.add_argument("--action", default="enable", help="profileStatus; empty leaves it out")
    group.add_argument("--status", default="Success", help="empty leaves it out")
    group.add_argument("--euicc-status", default="EXECUTED_SUCCESS", help="empty leaves it out")
    group.add_argument("--fault-code", metavar="CODE")
    group.add_argument("--fault-text", metavar="TEXT")
    group.add_argument("--reports", default="", metavar="ICCID", help="another ICCID, or `bootstrap`")
    group.add_argument(
        "--echo", default="imei,eid", metavar="KINDS", help="identifiers at the top of the message"
    )
    group.add_argument("--spelling", action="append", default=[], choices=known_spellings(), metavar="NAME")
    group.add_argument(
        "--attempt", type=int, default=1, metavar="N", help="callbackCount of the first attempt"
    )
    group.add_argument("--copies", type=int, default=1, metavar="N", help="that many at the same moment")
    group.add_argument("--service", default="DeviceProfileService")
    group.add_argument("--gzip", action="store_true", help="with Content-Encoding, which Verizon never sends")
    group.add_argument("--print", action="store_true", help="show the body and send nothing")
    group.add_argument("--seed", help="default: a new one")
    _delivery(command)


def _play(command: argparse.ArgumentParser) -> None:
    command.add_argument("scenario", metavar="SCENARIO|FILE")
    _listener(command)
    _delivery(command)
    command.add_argument("--seed", help="the same seed gives the same messages (default: a new one)")
    command.add_argument(
        "--operations", type=int, default=OPERATIONS_USUAL, help="ordinary ones in a fleet-day"
    )
    command.add_argument("--concurrency", type=_whole, default=50, metavar="N", help="stories side by side")
    command.add_argument(
        "--connections", type=_whole, default=PORTS, metavar="N", help="attempts at once, of all stories"
    )


def _load(command: argparse.ArgumentParser) -> None:
    _listener(command)
    group = command.add_argument_group("load")
    group.add_argument(
        "--rate", type=_positive, metavar="R", help="open loop: callbacks a second, whatever the answers do"
    )
    group.add_argument(
        "--connections", type=_whole, default=16, metavar="N", help="kept connections (default 16)"
    )
    group.add_argument(
        "--count", type=_whole, default=10_000, metavar="N", help="callbacks in all (default 10000)"
    )
    group.add_argument(
        "--devices", type=_whole, default=10_000, metavar="N", help="how many devices they are about"
    )
    group.add_argument("--repeat-every", type=_whole, metavar="N", help="every N-th callback goes out twice")
    group.add_argument("--seed", help="default: a new one")
    group.add_argument("--journal", metavar="FILE", help="written when all is over")
    group.add_argument("--json", action="store_true", help="the result as one JSON document")


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--listen", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT", help="default: a free port"
    )
    command.add_argument("--config", metavar="FILE|NAME", help="TOML, or a configuration that comes along")
    command.add_argument("--seed", help="the same seed gives the same faults (default: a new one)")
    command.add_argument(
        "--clock-scale", type=_positive, default=1.0, metavar="N", help="simulated seconds in a real one"
    )
    command.add_argument(
        "--mode", choices=sorted(MODES), default="observed", help="how callbacks are delivered"
    )
    command.add_argument("--journal", metavar="FILE", help="NDJSON of every callback, answer and truth")


def _scenarios(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="?", help="show this scenario's file")
    command.add_argument("--json", action="store_true", help="one JSON document")


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be above zero")
    return number


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError("must be HOST:PORT")
    return host.strip("[]"), int(port)
