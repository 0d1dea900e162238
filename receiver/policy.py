"""Everything that SIGHUP may change, as one frozen value: it is swapped whole or not at all."""

from dataclasses import dataclass

from receiver.accounts import Accounts
from receiver.auth import AllowMode
from receiver.sources import Sources
from schemas.callback import Secrets


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom to believe, and how much to read of what they send."""

    accounts: Accounts
    sources: Sources
    allow_mode: AllowMode
    secrets: Secrets
    body_bytes_max: int
    body_timeout_s: float
