"""Java, Maven, and Kafka's jars.

The jars are fetched once per user, not once per home: they lie in a cache folder named after the content of
`pom.xml`, and get there whole or not at all.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from deploy.local.faults import StackError
from deploy.local.home import exclusive
from deploy.local.process import run

JAVA_LEAST = 17
JAVA_PACKAGES = ("openjdk-17-jre-headless", "default-jre-headless")
MAVEN_PACKAGES = ("maven",)
FETCH_WITHIN_S = 900
INSTALL_WITHIN_S = 900
MANIFEST = "jars.txt"

Say = Callable[[str], None]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Per user; may be shared by many homes."""
    base = environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "profile-ledger"


def java(say: Say) -> Path:
    """A Java runtime that Kafka accepts; installed where this process may do so."""
    found = _java()
    if found is None:
        _install(JAVA_PACKAGES, f"Java {JAVA_LEAST} or newer", say)
        found = _java()
    if found is None:
        raise StackError(
            f"Kafka needs Java {JAVA_LEAST} or newer. Install a JRE (Debian: `apt-get install "
            f"{JAVA_PACKAGES[0]}`) or point JAVA_HOME to one."
        )
    return found


def kafka_jars(say: Say) -> Path:
    """The folder with Kafka's jars, fetched through Maven when this user has none for this pom."""
    pom = resources.files("deploy.local").joinpath("pom.xml").read_bytes()
    cache = cache_folder()
    jars = cache / f"kafka-{hashlib.sha256(pom).hexdigest()[:12]}"
    if _complete(jars):
        return jars
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"Kafka's jars have no place to stay: {error.filename}: {error.strerror}. Set XDG_CACHE_HOME "
            "to a folder that this user may write to."
        ) from error
    with exclusive(cache / "kafka.lock", "another profile-stack fetches Kafka's jars", say):
        if not _complete(jars):
            _fetch(pom, jars, say)
    return jars


def _complete(jars: Path) -> bool:
    try:
        names = (jars / MANIFEST).read_text(encoding="utf-8").split()
    except OSError:
        return False
    return bool(names) and all((jars / name).is_file() for name in names)


def _fetch(pom: bytes, jars: Path, say: Say) -> None:
    maven = _maven(say)
    say("kafka: fetching its jars through Maven (about 54 MB, once)")
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetch-") as folder:
        work = Path(folder)
        (work / "pom.xml").write_bytes(pom)
        _maven_copy(maven, work)
        fetched = work / "jars"
        names = sorted(path.name for path in fetched.glob("*.jar"))
        (fetched / MANIFEST).write_text("\n".join(names) + "\n", encoding="utf-8")
        shutil.rmtree(jars, ignore_errors=True)  # an incomplete one; nobody runs from it
        fetched.rename(jars)


def _maven_copy(maven: str, work: Path) -> None:
    done = run(
        [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"],
        cwd=work,
        within_s=FETCH_WITHIN_S,
    )
    if done.returncode != 0:
        said = re.search(r"\[ERROR\] +(\S.*)", done.stdout)
        cause = said.group(1) if said else done.stderr.strip()
        raise StackError(
            f"Maven could not fetch Kafka's jars: {cause[:500]}. Nothing was installed. Check the network, "
            "or name a mirror in ~/.m2/settings.xml, and run `up` again."
        )


def _java() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    candidates = [home and str(Path(home) / "bin" / "java"), shutil.which("java")]
    for candidate in candidates:
        if candidate and _java_version(candidate) >= JAVA_LEAST:
            return Path(candidate)
    return None


def _java_version(java_binary: str) -> int:
    """The feature release; 0 where it cannot be found out."""
    try:
        shown = run([java_binary, "-version"], within_s=30)
    except OSError:
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', shown.stderr)
    return int(match.group(1)) if match else 0


def _maven(say: Say) -> str:
    found = shutil.which("mvn")
    if found is None:
        _install(MAVEN_PACKAGES, "Maven", say)
        found = shutil.which("mvn")
    if found is None:
        raise StackError("Kafka's jars come through Maven. Install it (Debian: `apt-get install maven`).")
    return found


def _install(packages: tuple[str, ...], what: str, say: Say) -> None:
    """The first of `packages` that apt-get installs; does nothing where this process may not install."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        return
    say(f"{what} is missing; installing it with apt-get (once)")
    _apt(apt, say, "update")  # an outdated list may still do
    any(_apt(apt, say, "install", "--yes", "--no-install-recommends", package) for package in packages)


def _apt(apt: str, say: Say, *arguments: str) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = run([apt, "--quiet", *arguments], within_s=INSTALL_WITHIN_S, env=quiet)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it did not say why"]
        say(f"apt-get {' '.join(arguments)} failed: {said[-1]}")
    return done.returncode == 0
