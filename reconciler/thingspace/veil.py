"""What may never be shown: every configured secret, and every token while it is held."""

import base64
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.answers import Refusal
from schemas.redaction import redacted
from schemas.scrub import Secrets

TEXT_CHARS_MAX: Final = 300
HELD_MAX: Final = 4
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
        self._held: defaultdict[tuple[str, str], deque[str]] = defaultdict(lambda: deque(maxlen=HELD_MAX))
        self._secrets = Secrets()

    def configure(self, accounts: Iterable[ThingSpaceAccount]) -> None:
        self._configured = tuple(
            secret for account in accounts for secret in (*account.secrets(), basic(account))
        )
        self._renew()

    def hold(self, owner: str, kind: str, token: str) -> None:
        """Hides the token, also while newer ones follow: ThingSpace may still speak of the last ones."""
        held = self._held[owner, kind]
        if token not in held:
            held.append(token)
            self._renew()

    def shown(self, text: str) -> str:
        """Words of ThingSpace's own: bounded, on one line, without secrets of ours."""
        return _line(self._secrets.masked(text[:READ_CHARS_MAX]))

    def excerpt(self, text: str) -> str:
        """Of whatever it is, a foreign URL for example: also without what follows a name like password."""
        return _line(redacted(text[:READ_CHARS_MAX].encode("utf-8", "replace"), self._secrets).decode())

    def refusal(self, refusal: Refusal) -> tuple[str, str]:
        """Its code and its text, fit to be shown; empty where there is none."""
        shown = self.shown if refusal.in_shape else self.excerpt
        return self.shown(refusal.code or ""), shown(refusal.text)

    @property
    def secrets(self) -> Secrets:
        return self._secrets

    def _renew(self) -> None:
        held = (token for tokens in self._held.values() for token in tokens)
        self._secrets = Secrets((*self._configured, *held))
        self._told(self._secrets)


def _line(text: str) -> str:
    line = " ".join(text.replace("\x00", "\ufffd").split())
    return line if len(line) <= TEXT_CHARS_MAX else line[:TEXT_CHARS_MAX] + "…"
