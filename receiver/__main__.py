"""`profile-receiver`: the callback endpoint, from its settings to a running program."""

import asyncio
import logging
import os
import platform
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine, Sequence
from importlib.metadata import version

from prometheus_client import disable_created_metrics

from receiver.access import AccessLog
from receiver.app import PER_STRANGER_MAX, App, ListenError, listen, room_for
from receiver.check import check
from receiver.configuration import Configuration, read_configuration
from receiver.door import Door, Places
from receiver.handlers import Callbacks
from receiver.kafka import KafkaBroker, producer_maker
from receiver.lane import Lane
from receiver.metrics import Metrics
from receiver.notices import Notice
from receiver.peers import Peers
from receiver.settings import ReceiverSettings
from receiver.spool.command import add_spool_command
from receiver.spool.disk_queue import Spool, SpoolRefusedError, SpoolUnavailableError, open_spool
from receiver.watchers import KafkaWatcher, LaneWatcher, LibraryLines, SpoolWatcher, watch_loop
from schemas.logline import Log
from schemas.settings import SettingsError

PROGRAM = "profile-receiver"
DONE, FAILED, MISUSED = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    arguments = command_line().parse_args(argv)
    _leave_out_births()
    try:
        return run_in_loop(arguments.run(arguments))
    except SettingsError as error:
        print(f"{PROGRAM}: it did not start, because of these settings\n{error}", file=sys.stderr)
        return MISUSED
    except SpoolRefusedError as refusal:
        print(f"{PROGRAM}: RECEIVER_SPOOL_DIR: {refusal}", file=sys.stderr)
        return MISUSED
    except SpoolUnavailableError as error:
        print(f"{PROGRAM}: the spool cannot be used now ({error})", file=sys.stderr)
        return FAILED
    except ListenError as error:
        print(f"{PROGRAM}: it did not start\n{error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED


def command_line() -> ArgumentParser:
    parser = ArgumentParser(prog=PROGRAM, description="Takes ThingSpace callbacks and stores each one.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version('profile-ledger')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    serving = commands.add_parser("serve", help="the callback endpoint")
    serving.set_defaults(run=serve)
    checking = commands.add_parser(
        "check", help="validate settings, accounts file, certificate, spool folder and broker"
    )
    checking.add_argument("--json", action="store_true", help="one JSON document on stdout")
    checking.set_defaults(run=report)
    add_spool_command(commands)
    return parser


def _leave_out_births() -> None:
    """prometheus_client would tell each counter's time of birth: twice the lines, of no use to us."""
    leave_out: Callable[[], None] = disable_created_metrics
    leave_out()


def run_in_loop(coroutine: Coroutine[None, None, int]) -> int:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(coroutine)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is there: asyncio's own loop costs about a fifth more."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def report(arguments: Namespace) -> int:
    logging.disable(logging.CRITICAL)  # what a library has to say, the findings say better
    findings = await check()
    print(findings.as_json() if arguments.json else findings.as_text())
    return findings.exit_code


async def serve(_arguments: Namespace) -> int:
    log = Log(PROGRAM)
    LibraryLines(log).install()
    watch_loop(asyncio.get_running_loop(), log)
    configuration = read_configuration()
    log.conceal(configuration.policy.secrets)
    await (await assemble(configuration, log)).run()
    return DONE


async def assemble(configuration: Configuration, log: Log) -> App:
    """Every part of the receiver, made and joined. Raises ListenError, SpoolRefusedError."""
    settings, policy = configuration.settings, configuration.policy
    topics, metrics = settings.topics, Metrics()
    spool = await watched_spool(settings, log, metrics)
    broker = KafkaBroker(
        producer_maker(settings),
        topics=(topics.events, topics.quarantine),
        watcher=KafkaWatcher(log, ", ".join(settings.kafka_bootstrap_servers)),
    )
    lane = Lane(
        broker,
        spool,
        LaneWatcher(log, metrics),
        patience_s=settings.kafka_patience_ms / 1000,
        bytes_max=settings.queue_bytes_max,
    )
    peers = Peers(policy.sources, metrics, Notice(log, "connection_refused"))
    callbacks = Callbacks(
        policy,
        lane,
        peers,
        topics=topics,
        producer=f"{PROGRAM}@{platform.node()}/{os.getpid()}",
        metrics=metrics,
        access=AccessLog(log),
    )
    places = Places(room_for(settings.connections_max, log), PER_STRANGER_MAX)
    metrics.connections.set_function(lambda: places.taken)
    door = Door(
        listen(settings.listen, "RECEIVER_LISTEN"),
        keeper=peers,
        endpoint=callbacks,
        places=places,
        head_timeout_s=settings.header_timeout_s,
        tls=configuration.tls,
    )
    return App(
        broker=broker,
        lane=lane,
        spool=spool,
        peers=peers,
        callbacks=callbacks,
        places=places,
        door=door,
        ops_listeners=listen(settings.ops_listen, "RECEIVER_OPS_LISTEN"),
        metrics=metrics,
        log=log,
        read_configuration=read_configuration,
    )


async def watched_spool(settings: ReceiverSettings, log: Log, metrics: Metrics) -> Spool:
    """Raises SpoolRefusedError."""
    watcher = SpoolWatcher(log, metrics)
    spool = await open_spool(settings.spool_dir, settings.spool_bytes_max, watcher.report)
    watcher.watch(spool)
    return spool


if __name__ == "__main__":
    sys.exit(main())
