"""The two keys of every question, an OAuth token and a session, for one account.

Each is renewed once for all who need it at the same time. ThingSpace locks an account after five refused
logins, so after two in a row nothing is tried any more until a person has looked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from urllib.parse import urlencode

import orjson

from reconciler.thingspace.accounts import ThingSpaceAccount
from reconciler.thingspace.answers import OAUTH_ERRORS, refusal_of, refuses_token, session_of, token_of
from reconciler.thingspace.exchange import Answer, Call
from reconciler.thingspace.flight import Flight
from reconciler.thingspace.limits import Limits
from reconciler.thingspace.talk import Away, Latched
from reconciler.thingspace.veil import Veil, basic
from schemas.ids import AccountName

TOKEN_PATH = "/ts/v1/oauth2/token"  # noqa: S105 - a path
LOGIN_PATH = "/m2m/v1/session/login"
T = TypeVar("T")

TOKEN = "the OAuth token"  # noqa: S105 - words
LOGIN = "the login"
UNDECIDED = frozenset({408, 425, 429})
"""Answers to a login that say nothing about its credentials."""


class Notices(Protocol):
    """Who hears what a person should know."""

    def login_refused(self, account: AccountName, why: str) -> None: ...

    def latched(self, account: AccountName, why: str) -> None: ...

    def latch_cleared(self, account: AccountName) -> None: ...


@dataclass(frozen=True, slots=True)
class Keys:
    """What a question carries; never shown."""

    token: str = field(repr=False)
    session: str = field(repr=False)


@dataclass(slots=True)
class Latch:
    """What ThingSpace refused to one user. Accounts may share a user, and ThingSpace counts by the user."""

    refused: int = 0
    """In a row."""
    wait_until: float = 0.0
    """After any refusal."""
    shut: str | None = None
    """Why no login is tried any more."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One login at a time: several at once, all refused, would lock the user before anybody has counted."""

    def clear(self) -> None:
        self.refused, self.wait_until, self.shut = 0, 0.0, None


@dataclass(slots=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float
    ends_at: float


class Login:
    """For one account. `exchange` raises `Away` where ThingSpace cannot be asked."""

    def __init__(
        self,
        account: ThingSpaceAccount,
        exchange: Callable[[Call], Awaitable[Answer]],
        limits: Limits,
        veil: Veil,
        notices: Notices,
        clock: Callable[[], float],
        latch: Latch,
    ) -> None:
        self._account = account
        self._exchange = exchange
        self._limits = limits
        self._veil = veil
        self._notices = notices
        self._clock = clock
        self._token: _Token | None = None
        self._session: str | None = None
        self._session_used_at = 0.0
        self._latch = latch
        self._latch_told = False
        self._mint = Flight(self._minted)
        self._log_in = Flight(self._logged_in)

    @property
    def latched(self) -> str | None:
        """Why, where nothing is tried any more."""
        return self._latch.shut

    async def keys(self) -> Keys:
        """Both valid as far as anybody knows; raises `Away` or `Latched`."""
        self._open_or_latched()
        session = self._session
        if session is None or self._clock() - self._session_used_at >= self._limits.session_idle_s:
            session = await self._log_in()
        token = await self._valid_token()
        self._session_used_at = self._clock()
        return Keys(token, session)

    def forget_token(self, keys: Keys) -> None:
        """ThingSpace refused it. A newer one stays."""
        self._drop_token(keys.token)
        self.forget_session(keys)

    def forget_session(self, keys: Keys) -> None:
        if self._session == keys.session:
            self._session = None

    def forget_any_session(self) -> None:
        """The next question logs in afresh."""
        self._session = None

    def clear_latch(self) -> None:
        """A person has looked."""
        self._latch.clear()
        if self._latch_told:
            self._latch_told = False
            self._notices.latch_cleared(self._account.name)

    async def close(self) -> None:
        await self._mint.close()
        await self._log_in.close()

    async def _valid_token(self) -> str:
        """Early renewal is a courtesy: where it fails, the old token serves until its end."""
        token, now = self._token, self._clock()
        if token is None or now >= token.ends_at:
            return await self._mint()
        if now < token.renew_at:
            return token.text
        try:
            return await self._mint()
        except Away:
            token.renew_at = now + self._limits.login_pause_s
            return token.text

    async def _minted(self) -> str:
        found = await self._attempted(TOKEN, self._token_call(), token_of)
        assert found is not None
        text, life_s = found
        self._veil.hold(self._account.name, "token", text)
        self._token = self._fresh(text, self._limits.token_life_s if life_s is None else life_s)
        return text

    def _fresh(self, text: str, life_s: float) -> _Token:
        """Where most of the life is over already (the same token again), half of the rest is used first."""
        early_s = min(self._limits.token_early_s, life_s / 2)
        return _Token(text, self._clock() + life_s - early_s, self._clock() + life_s)

    async def _logged_in(self) -> str:
        """With one new token where the gateway refuses the one in hand."""
        token = await self._valid_token()
        session = await self._attempted(LOGIN, self._login_call(token), session_of, again=True)
        if session is None:
            self._drop_token(token)
            session = await self._attempted(LOGIN, self._login_call(await self._mint()), session_of)
        assert session is not None
        self._latch.refused = 0
        self._veil.hold(self._account.name, "session", session)
        self._session = session
        return session

    async def _attempted(
        self, what: str, call: Call, read: Callable[[Answer], T | None], *, again: bool = False
    ) -> T | None:
        """What was asked for. None only with `again`, where a new token may help and no password was seen."""
        async with self._latch.turn:
            self._open_or_latched()
            self._not_too_soon()
            answer = await self._exchange(call)
            found = read(answer) if answer.status < 300 else None
            if found is None and not (again and _is_about_token(answer)):
                raise self._unusable(what, answer)
            return found

    def _drop_token(self, text: str) -> None:
        if self._token is not None and self._token.text == text:
            self._token = None

    def _open_or_latched(self) -> None:
        why = self._latch.shut
        if why is not None:
            if not self._latch_told:
                self._latch_told = True
                self._notices.latched(self._account.name, why)
            raise Latched(
                f"Nothing was sent for account {self._account.name}: {why}. No login is tried any more, as "
                "five refused ones lock the account. Correct its client_id, client_secret_file, username and "
                "password_file; then start again, or send SIGHUP."
            )

    def _not_too_soon(self) -> None:
        wait_s = self._latch.wait_until - self._clock()
        if wait_s > 0:
            raise Away(
                f"The last login of account {self._account.name} at ThingSpace was refused; the next one is "
                f"tried in {wait_s:.0f} s. Nothing was sent.",
                wait_s,
            )

    def _unusable(self, what: str, answer: Answer) -> Away:
        """What to raise. A refusal counts towards the latch, any other answer says nothing of the keys."""
        refusal = refusal_of(answer)
        words = self._veil.refusal(refusal) if refusal is not None else ("a page for people",)
        said = " ".join(filter(None, words)) or "no text"
        why = f"HTTP {answer.status}: {said}" if answer.status >= 300 else "no usable answer"
        name = self._account.name
        if refusal is None or not 400 <= answer.status < 500 or answer.status in UNDECIDED:
            return Away(f"ThingSpace did not give {what} for account {name} ({why}). Nothing was sent.")
        self._latch.wait_until = self._clock() + self._limits.login_pause_s
        if what == TOKEN and refusal.by_gateway and refusal.code not in OAUTH_ERRORS:
            return Away(
                f"ThingSpace's gateway refused {what} for account {name} ({why}), without a word about the "
                "client. Nothing was sent. If it lasts, ask Verizon whether the application may use the API.",
                self._limits.login_pause_s,
            )
        self._count(f"ThingSpace refused {what} ({why})")
        self._open_or_latched()
        return Away(
            f"ThingSpace refused {what} for account {name} ({why}). Nothing was sent. One more refusal, and "
            "no login is tried any more until a person has looked.",
            self._limits.login_pause_s,
        )

    def _count(self, why: str) -> None:
        latch = self._latch
        latch.refused += 1
        self._notices.login_refused(self._account.name, why)
        if latch.refused >= self._limits.logins_refused_max:
            latch.shut = f"{why}, {latch.refused} times in a row"

    def _token_call(self) -> Call:
        return Call(
            "token",
            "POST",
            TOKEN_PATH,
            {
                "Authorization": f"Basic {basic(self._account)}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            urlencode({"grant_type": "client_credentials"}).encode(),
        )

    def _login_call(self, token: str) -> Call:
        password = self._account.password.get_secret_value()
        return Call(
            "login",
            "POST",
            LOGIN_PATH,
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            orjson.dumps({"username": self._account.username, "password": password}),
        )


def _is_about_token(answer: Answer) -> bool:
    """The gateway's own refusal, before any password was looked at: Verizon counts no failed login."""
    refusal = refusal_of(answer)
    return refuses_token(answer) and refusal is not None and refusal.by_gateway
