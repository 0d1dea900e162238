"""`profile-reconciler topics create` and `topics check`"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from reconciler.kafka.security import security_options
from reconciler.program import DONE, FAILED, Command, put
from reconciler.settings import ReconcilerSettings
from reconciler.topics import Finding, TopicReport, check_topics, create_topics
from schemas.settings import load

PARTITIONS_MAX = 1000


def create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--partitions",
        type=_positive,
        help="per topic; cannot be lowered later, and raising it moves devices",
    )
    parser.add_argument(
        "--replication", type=_positive, help="copies of each record, as far as there are brokers"
    )
    check_arguments(parser)


def check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= PARTITIONS_MAX:
        raise ArgumentTypeError(f"a number from 1 to {PARTITIONS_MAX} is needed")
    return int(text)


async def create(arguments: Namespace) -> int:
    settings = load(ReconcilerSettings)
    reports = await create_topics(
        ",".join(settings.kafka_bootstrap_servers),
        settings.topics,
        partitions=arguments.partitions,
        replication=arguments.replication,
        options=security_options(settings),
    )
    if arguments.json:
        put(orjson.dumps({"topics": [asdict(report) for report in reports]}).decode())
    else:
        put("\n".join(_created(report) for report in reports))
    return DONE


def _created(report: TopicReport) -> str:
    done = "created" if report.created else "was there, left as it is"
    line = f"{report.topic}: {done}; {report.partitions} partitions"
    return f"{line}; {report.remark}" if report.remark is not None else line


async def check(arguments: Namespace) -> int:
    settings = load(ReconcilerSettings)
    findings = await check_topics(
        ",".join(settings.kafka_bootstrap_servers), settings.topics, options=security_options(settings)
    )
    if arguments.json:
        report = {"ok": not findings, "findings": [asdict(finding) for finding in findings]}
        put(orjson.dumps(report).decode())
    else:
        put("\n".join(_lines(findings)))
    return FAILED if findings else DONE


def _lines(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return ["every topic is there, and no setting endangers a promise"]
    told = [
        f"{finding.topic or 'the brokers'}: {finding.setting} is {finding.found}, needed is "
        f"{finding.needed}: {finding.danger}"
        for finding in findings
    ]
    return [*told, f"{len(told)} settings endanger a promise; nothing was changed"]


CREATE = Command(
    "topics create", "create the topics with the settings that our promises need", create_arguments, create
)
CHECK = Command("topics check", "name every setting that endangers a promise", check_arguments, check)
