"""What may never be shown: every configured secret, and every token while it is held."""

import base64
from collections.abc import Callable, Iterable
from typing import Final

from reconciler.thingspace.accounts import ThingSpaceAccount
from schemas.redaction import redacted
from schemas.scrub import Secrets

TEXT_CHARS_MAX: Final = 300
READ_CHARS_MAX: Final = 4096
"""Of a text that is to be shown; masking is not cheap, and a proxy's page is long."""


def basic(account: ThingSpaceAccount) -> str:
    """The value that follows `Basic`."""
    pair = f"{account.client_id}:{account.client_secret.get_secret_value()}"
    return base64.b64encode(pair.encode()).decode()


class Veil:
    """One per client. `told` hears of every change, so that a log can conceal the same."""

    def __init__(self, told: Callable[[Secrets], None] = lambda _: None) -> None:
        self._told = told
        self._configured: tuple[str, ...] = ()
        self._held: dict[tuple[str, str], str] = {}
        self._secrets = Secrets()

    def configure(self, accounts: Iterable[ThingSpaceAccount]) -> None:
        self._configured = tuple(
            secret for account in accounts for secret in (*account.secrets(), basic(account))
        )
        self._renew()

    def hold(self, owner: str, kind: str, token: str) -> None:
        """Hides the token, until the owner holds another of its kind."""
        if self._held.get((owner, kind)) != token:
            self._held[owner, kind] = token
            self._renew()

    def shown(self, text: str) -> str:
        """Bounded, on one line, without secrets, and without what follows a name like password."""
        kept = redacted(text[:READ_CHARS_MAX].encode("utf-8", "replace"), self._secrets).decode()
        line = " ".join(kept.split())
        return line if len(line) <= TEXT_CHARS_MAX else line[:TEXT_CHARS_MAX] + "…"

    @property
    def secrets(self) -> Secrets:
        return self._secrets

    def _renew(self) -> None:
        self._secrets = Secrets((*self._configured, *self._held.values()))
        self._told(self._secrets)
