"""Devices that could exist: identifiers with right lengths and check digits, made from a seed."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """One eUICC in one modem, its ordinary profile and its bootstrap."""

    eid: str
    imei: str
    iccid: str
    mdn: str
    bootstrap_iccid: str

    def identifier(self, kind: str) -> str:
        """The identifier of a kind (eid, imei, iccid, mdn); KeyError for another."""
        return {"eid": self.eid, "imei": self.imei, "iccid": self.iccid, "mdn": self.mdn}[kind]


KINDS = ("imei", "iccid", "mdn", "eid")


def digits(rng: random.Random, count: int) -> str:
    return "".join(str(rng.randrange(10)) for _ in range(count))


def with_luhn(body: str) -> str:
    """The digits with their Luhn check digit appended."""
    total = 0
    for place, character in enumerate(reversed(body)):
        doubled = int(character) * 2 if place % 2 == 0 else int(character)
        total += doubled - 9 if doubled > 9 else doubled
    return body + str(-total % 10)


def with_mod97(body: str) -> str:
    """Thirty digits of an EID with their ISO 7064 MOD 97-10 check appended."""
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def device_of(seed: str, eid_digits: int = 32) -> Device:
    """The device a seed stands for; a 30-digit EID as in the vendor's samples has no check."""
    rng = random.Random(f"device/{seed}")
    body = "89049032" + digits(rng, 22)
    return Device(
        eid=body if eid_digits == 30 else with_mod97(body),
        imei=with_luhn("99001390" + digits(rng, 6)),
        iccid=with_luhn("8914800000" + digits(rng, 9)),
        mdn="2" + digits(rng, 9),
        bootstrap_iccid=with_luhn("8914801111" + digits(rng, 9)),
    )


def request_id_of(seed: str) -> str:
    """The request id a seed stands for: a random-looking UUID, as ThingSpace gives."""
    return str(uuid.UUID(int=random.Random(f"request/{seed}").getrandbits(128), version=4))
