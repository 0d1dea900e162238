"""The callback that never comes: asked for by our own command, lost on its way, found by the sweep."""

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.demo_programs import Programs, Started

EID, ICCID = "89049032000000000000000000000260", "89148000000840784251"
SMSR_OID = "1.3.6.1.4.1.31746.1.500.200.101.5"
TITLE = "a callback that never comes: the sweep asks ThingSpace"

SIMULATED = """
[faults]
lost = 1.0              # whatever is asked for is done, and its callback never comes
[status]
unknown_requests = "pending"
"""


def prepare(folder: Path, account: str, callbacks: str) -> None:
    """The files of a ThingSpace that loses callbacks, and of our account there."""
    texts = {
        "thingspace-simulated.toml": SIMULATED,
        "thingspace-secret": "client-secret",
        "thingspace-password": "password",
        "thingspace.toml": f"""
[[account]]
name = "{account}"
client_id = "client"
client_secret_file = "thingspace-secret"
username = "user"
password_file = "thingspace-password"
callback_url = "http://{callbacks}"
callback_username = "fleet"
callback_password_file = "password"
""",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def settings(folder: Path, address: str) -> Mapping[str, str]:
    """A schedule that nobody has to wait for."""
    return {
        "THINGSPACE_BASE_URL": f"http://{address}/api",
        "THINGSPACE_ACCOUNTS_FILE": str(folder / "thingspace.toml"),
        "RECONCILER_SWEEP_SCHEDULE": "2s,4s,8s,16s",
        "RECONCILER_SWEEP_APART": "1s",
    }


def start(programs: Programs, address: str) -> Started:
    serve = ("serve", "--listen", address, "--config", "thingspace-simulated.toml", "--clock-scale", "60")
    return programs.start("thingspace-simulator", *serve)


def ask(programs: Programs, account: str) -> str:
    """The request id."""
    programs.must("profile-reconciler", "listeners", "register", "--account", account)
    what = ("--account", account, "--eid", EID, "--iccid", ICCID, "--smsr-oid", SMSR_OID)
    told = json.loads(programs.must("profile-reconciler", "submit", "enable", *what, "--json"))
    request_id = told["request_id"]
    assert isinstance(request_id, str)
    return request_id
