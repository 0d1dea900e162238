"""Kafka brokers (KRaft, broker and controller in one) from their jars, as ordinary processes.

Each works in a folder of its own, `kafka/broker-N`. A *detour* is one more listener whose advertised address
is another port, on which a test's proxy stands: who connects there is led through proxies to every broker.
"""

import base64
import hashlib
import re
import shutil
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.apart import apart
from deploy.local.faults import StackError
from deploy.local.home import Home
from deploy.local.ports import HOST, answers
from deploy.local.process import launch, run, since_start

OWN_PORTS = 2  # the clients', the controller's; then one for each detour
MIN_ISR_MAX = 2
FORMAT_WITHIN_S = 120
READY_TIMEOUT_MS = 5_000
STOP_SIGNAL = signal.SIGTERM
STOP_PATIENCE_S = 30.0
THROWN = re.compile(r"(Caused by: )?[\w.$]+(Exception|Error)\b.*")
HEAP = ("-Xms256m", "-Xmx512m")
QUICK_START = "-XX:TieredStopAtLevel=1"  # the quick compiler alone: up sooner, slower when hot
Say = Callable[[str], None]

LOGGING = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.levelInBrackets=true",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn",
    "-Dorg.slf4j.simpleLogger.log.state.change.logger=warn",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
)


def service(node_id: int) -> str:
    """The first broker is plain `kafka`: its name stands in file names that others rely on."""
    return "kafka" if node_id == 1 else f"kafka-{node_id}"


def mark(home: Home, node_id: int) -> str:
    """Given to Java as a property of ours; `process.bears` finds it."""
    return f"profile_stack.{service(node_id)}={home}"


def new_cluster_id() -> str:
    """22 characters of base64url; Kafka refuses one that begins with a dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


@dataclass(frozen=True, slots=True)
class Cluster:
    """`controller_ports` by broker, the first broker's first."""

    cluster_id: str
    controller_ports: tuple[int, ...]

    @property
    def controllers(self) -> tuple[str, ...]:
        return tuple(f"{HOST}:{port}" for port in self.controller_ports)

    @property
    def voters(self) -> tuple[str, ...]:
        """As Kafka's StorageTool wants them."""
        return tuple(
            f"{number}@{address}:{self._directory_id(number)}"
            for number, address in enumerate(self.controllers, start=1)
        )

    def _directory_id(self, number: int) -> str:
        digest = hashlib.sha256(f"{self.cluster_id}/{number}".encode()).digest()
        return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def configure(
    home: Home, node_id: int, ports: Sequence[int], detours: Mapping[str, tuple[int, int]], cluster: Cluster
) -> None:
    """Writes `server.properties`; `detours` has, by name, the port to listen on and the one to advertise."""
    folder = home.broker(node_id)
    folder.mkdir(parents=True, exist_ok=True)
    listeners = {"PLAINTEXT": (ports[0], ports[0]), "CONTROLLER": (ports[1], ports[1]), **detours}
    brokers = len(cluster.controller_ports)
    template = resources.files("deploy.local").joinpath("server.properties").read_text(encoding="utf-8")
    text = Template(template).substitute(
        node_id=node_id,
        controllers=",".join(cluster.controllers),
        listeners=",".join(f"{name}://{HOST}:{own}" for name, (own, _) in listeners.items()),
        advertised=",".join(f"{name}://{HOST}:{told}" for name, (_, told) in listeners.items()),
        protocols=",".join(f"{name}:PLAINTEXT" for name in listeners),
        replication=brokers,
        min_isr=min(brokers, MIN_ISR_MAX),
    )
    (folder / "server.properties").write_text(text, encoding="utf-8")


def has_data(home: Home, node_id: int) -> bool:
    return (home.broker(node_id) / "data" / "meta.properties").exists()


def format_data(home: Home, node_id: int, cluster: Cluster, java: Path, jars: Path, say: Say) -> None:
    """Makes the data folder, with the addresses of `server.properties` inside; whatever lay there is gone."""
    say(f"{service(node_id)}: making its data folder (Apache Kafka {version(jars)})")
    folder = home.broker(node_id)
    shutil.rmtree(folder / "data", ignore_errors=True)
    tool = [str(java), "-Xmx128m", QUICK_START, "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
    done = run(
        [
            *(*tool, "format", "-t", cluster.cluster_id, "-c", "server.properties"),
            *("--initial-controllers", ",".join(cluster.voters)),
        ],
        cwd=folder,
        within_s=FORMAT_WITHIN_S,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise StackError(f"Kafka could not make its data folder: {said[-1]}")


def start(home: Home, node_id: int, java: Path, jars: Path, *, quick: bool) -> int:
    """The process id; it does not answer yet."""
    options = [*HEAP, "-Xshare:auto", *([QUICK_START] if quick else []), *LOGGING, f"-D{mark(home, node_id)}"]
    return launch(
        [str(java), *options, "-cp", f"{jars}/*", "kafka.Kafka", "server.properties"],
        log=home.log(service(node_id)),
        cwd=home.broker(node_id),
    )


def ready(port: int, node_id: int, cluster_id: str) -> bool:
    """Whether this broker of this very cluster does its work behind the port."""
    return answers(port) and apart(_ready(port, node_id, cluster_id))


async def _ready(port: int, node_id: int, cluster_id: str) -> bool:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=READY_TIMEOUT_MS, retry_backoff_ms=50
    )
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    working = {broker["node_id"] for broker in cluster["brokers"]}
    return cluster["cluster_id"] == cluster_id and node_id in working


def version(jars: Path) -> str:
    """As the jars are named; a question mark where they are not."""
    names = [path.name for path in jars.glob("kafka_*.jar")]
    return names[0].rpartition("-")[2].removesuffix(".jar") if names else "?"


def complaint(log: Path) -> str:
    """The innermost cause since its last start, in Java's words; else the first error in Kafka's."""
    lines = since_start(log)
    thrown = [line for line in lines if THROWN.match(line)]
    causes = [line for line in thrown if line.startswith("Caused by: ")]
    errors = [line for line in lines if "[ERROR]" in line or line.startswith("Error")]
    said = causes[-1:] or thrown[:1] or errors[:1] or lines[-1:] or ["it did not say why"]
    return said[0].split(" - ", 1)[-1].removeprefix("Caused by: ").strip()
