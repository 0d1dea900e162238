"""`profile-reconciler offsets show`, `offsets reset` and `offsets accept-gap`"""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from reconciler.access import writer_access
from reconciler.audit.as_json import text
from reconciler.audit.for_people import show as show_to_people
from reconciler.core.batch import Place
from reconciler.offsets.change import (
    Change,
    Decision,
    Stand,
    Target,
    accept_gap,
    described,
    effects,
    needed,
    reset,
)
from reconciler.offsets.decisions import OffsetError, carry_out, stands
from reconciler.offsets.offsets import offsets_table, stored_offsets
from reconciler.person import agreed, consent_arguments, person_argument, who
from reconciler.postgres.admin import fitting_session
from reconciler.program import DONE, FAILED, MISUSED, Command, put, warn
from reconciler.settings import ReconcilerSettings
from schemas.settings import load
from schemas.topics import Topics

LOCK_TIMEOUT = "15s"
PARTITION_MAX = 2**31 - 1
OFFSET_MAX = 2**63 - 1


def show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document a line instead of a table")


async def show(arguments: Namespace) -> int:
    async with fitting_session(
        writer_access(load(ReconcilerSettings)), "profile-reconciler offsets"
    ) as session:
        offsets = await stored_offsets(session)
    if arguments.json:
        for offset in offsets:
            put(text(offset))
    else:
        show_to_people(sys.stdout, [offsets_table(offsets)])
    return DONE


def _number(most: int, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > most:
        raise ArgumentTypeError(f"a number from 0 to {most} is needed")
    return int(text)


def _target(text: str) -> Target:
    return "earliest" if text == "earliest" else "latest" if text == "latest" else _number(OFFSET_MAX, text)


def decision_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--topic", required=True, help="its whole name, as `offsets show` tells it")
    parser.add_argument(
        "--partition",
        type=partial(_number, PARTITION_MAX),
        metavar="N",
        help="one partition (default: every one of the topic that needs it)",
    )
    parser.add_argument("--why", metavar="TEXT", help="for the record")
    person_argument(parser)
    consent_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def reset_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        type=_target,
        metavar="OFFSET",
        help="earliest, latest or an offset (default: earliest); given, it also moves partitions that fit",
    )
    decision_arguments(parser)


async def reset_offsets(arguments: Namespace) -> int:
    target: Target | None = arguments.to
    return await _decide(
        arguments,
        "reset",
        lambda stand: reset(stand, "earliest" if target is None else target),
        anyway=target is not None,
    )


async def accept(arguments: Namespace) -> int:
    return await _decide(arguments, "accept-gap", accept_gap, anyway=False)


async def _decide(
    arguments: Namespace, decision: Decision, decide: Callable[[Stand], Change | str], *, anyway: bool
) -> int:
    """`anyway`: also where what is found does not need it."""
    settings = load(ReconcilerSettings)
    if not _is_consumed(settings.topics, arguments.topic):
        return MISUSED
    async with fitting_session(
        writer_access(settings), f"profile-reconciler offsets {decision}", lock_timeout=LOCK_TIMEOUT
    ) as session:
        found = _named(await stands(session, settings, arguments.topic), arguments.partition)
        wanted = {stand.place: decide(stand) for stand in found if anyway or needed(stand, decision)}
        changes = [change for change in wanted.values() if isinstance(change, Change)]
        if not arguments.json:
            put("\n".join(_lines(found, wanted)))
        code = _consent(arguments, changes, refused=len(changes) < len(wanted))
        if code is None:
            await carry_out(session, changes, arguments.why, who(arguments.by))
    _tell_end(arguments, decision, found, wanted, carried_out=code is None)
    return DONE if code is None else code


def _is_consumed(topics: Topics, topic: str) -> bool:
    if topic in (topics.events, topics.quarantine):
        return True
    warn(
        f"profile-reconciler: {topic!r} is no topic that the reconciler reads; these are {topics.events} and "
        f"{topics.quarantine}"
    )
    return False


def _named(found: Sequence[Stand], partition: int | None) -> Sequence[Stand]:
    if partition is None:
        return found
    named = [stand for stand in found if stand.place.partition == partition]
    if not named:
        raise OffsetError(
            f"{found[0].place.topic} has no partition {partition}; it has {len(found)}, numbered from 0. "
            "Nothing was changed."
        )
    return named


def _lines(found: Sequence[Stand], wanted: Mapping[Place, Change | str]) -> list[str]:
    lines: list[str] = []
    for stand in found:
        change = wanted.get(stand.place)
        says = [change] if isinstance(change, str) else effects(change) if change else ["stays as it is"]
        lines += [described(stand), *(f"  {sentence}" for sentence in says)]
    return lines


def _consent(arguments: Namespace, changes: Sequence[Change], *, refused: bool) -> int | None:
    """The exit code where nothing is to be done; None where it is."""
    if refused:
        return FAILED
    if not changes or arguments.dry_run:
        return DONE
    if arguments.yes:
        return None
    answer = agreed(f"This moves {len(changes)} of the stored offsets, and is recorded.")
    if answer is None:
        warn("profile-reconciler: nothing was changed; say --yes to do it, or --dry-run only to look")
        return MISUSED
    return None if answer else FAILED


def _tell_end(
    arguments: Namespace,
    decision: Decision,
    found: Sequence[Stand],
    wanted: Mapping[Place, Change | str],
    *,
    carried_out: bool,
) -> None:
    if arguments.json:
        partitions = [_document(stand, wanted.get(stand.place)) for stand in found]
        put(text({"decision": decision, "carried_out": carried_out, "partitions": partitions}))
    elif carried_out:
        put("done, and recorded in audit.offset_decisions; a reconciler that stopped here can be started")
    elif not wanted:
        put("nothing to do")
    else:
        put("nothing was changed")


def _document(stand: Stand, wanted: Change | str | None) -> dict[str, object]:
    change = wanted if isinstance(wanted, Change) else None
    return {
        "topic": stand.place.topic,
        "partition": stand.place.partition,
        "found": stand.found,
        "next_offset": stand.stored.next_offset,
        "topic_id": stand.stored.topic_id,
        "kafka_topic_id": stand.topic_id,
        "kafka_first": stand.first,
        "kafka_end": stand.end,
        "offset_after": change.offset if change else None,
        "records_missing": change.missing if change else None,
        "records_skipped": change.skipped if change else None,
        "records_read_again": change.again if change else None,
        "refused": wanted if isinstance(wanted, str) else None,
    }


SHOW = Command("offsets show", "where each partition stands", show_arguments, show)
RESET = Command(
    "offsets reset",
    "go on in a topic that was made anew or truncated, or elsewhere in the same one; says first what would "
    "happen, and is recorded",
    reset_arguments,
    reset_offsets,
)
ACCEPT_GAP = Command(
    "offsets accept-gap",
    "go on without records that Kafka removed before they were applied; says first what would happen, and is "
    "recorded",
    decision_arguments,
    accept,
)
