"""The accounts file of the reconciler: TOML, its secret files read, every fault found at once.

File names inside are relative to the file. A secret file's trailing line break does not belong to the secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from schemas.ids import AccountName


@dataclass(frozen=True, slots=True)
class ThingSpaceAccount:
    """One `[[account]]`. Secrets hide themselves in every representation."""

    name: AccountName
    client_id: str
    client_secret: SecretStr
    username: str
    password: SecretStr
    callback_url: str
    """May hold `{account}` and `{service}`."""
    callback_username: str | None = None
    callback_password: SecretStr | None = None
    smsr_oid: str | None = None
    service_plan: str | None = None
    carrier_name: str | None = None
    requests_per_minute: int = 60


def load_accounts(path: Path) -> Mapping[AccountName, ThingSpaceAccount]:
    """By name; raises `AccountsError` with all that is wrong."""
    raise NotImplementedError(path)
