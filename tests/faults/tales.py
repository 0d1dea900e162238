"""Scenario files for the simulator that are too long to write by hand, or too particular to be its own."""

from __future__ import annotations

from collections.abc import Sequence

LIVES = 8
LIFE: Sequence[tuple[str, bool]] = (
    ("download_disable", True),
    ("enable", True),
    ("disable", True),
    ("enable", False),
    ("enable", True),
    ("disable", False),
    ("disable", True),
    ("delete", True),
)
"""What is asked of a profile, one after the other, and whether it succeeds."""
HALF_WAY: Sequence[tuple[str, bool]] = (
    ("download_enable", False),
    ("enable", True),
    ("delete", False),
)
"""The same of one whose failures may have stopped half-way, so that nobody knows what it is."""

GOOD = """
[[step]]
request = "{request}"
device = "{device}"
count = {count}
action = "{action}"
"""
BAD = """status = "Failed"
euicc_status = "FAILED"
euicc_code = "8.4.4.2"
euicc_text = "simulated: execution error"
"""
EXPECT = """
[[expect]]
request = "{request}"
device = "{device}"
count = {count}
action = "{action}"
state = "{state}"
"""


NAMED = 'echo = ["imei", "eid", "iccid"]\n'


def lives(life: Sequence[tuple[str, bool]], *, named: bool = True) -> str:
    """Of some profiles at once; their states depend on the order of all that happened to them.

    `named`: callbacks say which profile they are about, so that its state is known at every step.
    """
    lines = ['title = "profiles that are made, used and deleted"\n']
    for number, (action, succeeds) in enumerate(life, start=1):
        told = {"request": f"step-{number}", "device": "profile", "count": LIVES, "action": action}
        lines += [GOOD.format(**told), NAMED if named else "", "" if succeeds else BAD, "copies = 2\n"]
        lines.append(EXPECT.format(**told, state="succeeded" if succeeds else "failed"))
    return "".join(lines)


def all_lives() -> tuple[tuple[str, str], ...]:
    """Whole ones, some that end with a failure, and whole ones of profiles that nobody names."""
    return (
        ("lives", lives(LIFE)),
        ("lived", lives(LIFE[:4])),
        ("living", lives(LIFE[:6])),
        ("half-loaded", lives(HALF_WAY[:1])),
        ("half-deleted", lives(HALF_WAY)),
        ("nameless", lives(LIFE, named=False)),
    )


def bulk(devices: int) -> str:
    """One request for so many devices: a tenth fails, and of a tenth four copies come at once."""
    parts = (("good", devices * 8 // 10, "", "succeeded"), ("bad", devices // 10, BAD, "failed"))
    lines = ['title = "one request for a fleet"\n']
    for device, count, status, state in (*parts, ("often", devices // 10, "copies = 4\n", "succeeded")):
        named = {"request": "bulk", "device": device, "count": count, "action": "download_disable"}
        lines += [GOOD.format(**named), status, EXPECT.format(**named, state=state)]
    return "".join(lines)
