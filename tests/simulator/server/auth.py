"""Tokens and sessions: who may ask at all.

A token lives an hour from its first issue, and asking again inside the hour gives the same one. A session
lives while it is used. Five wrong passwords in a row lock the user, and then the right one is refused too.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.simulator.content import Json
from tests.simulator.server.reply import BAD_TOKEN, Reply, answer, error, oauth_error
from tests.simulator.server.settings import Account, Auth


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    client_id: str
    ends_at: float


@dataclass(slots=True)
class Session:
    username: str
    used_at: float


class Door:
    """Everything that opens or stays shut. Times are simulated; `expires_in` is in the caller's seconds."""

    def __init__(self, accounts: Iterable[Account], rules: Auth, seed: str, scale: float) -> None:
        self._clients = {one.client_id: one.client_secret for one in accounts}
        self._users = {one.username: one.password for one in accounts}
        self._rules, self._scale = rules, scale
        self._rng = random.Random(f"door/{seed}")
        self._tokens: dict[str, Token] = {}
        self._sessions: dict[str, Session] = {}
        self._failures: Counter[str] = Counter()

    def token(self, client: tuple[str, str] | None, grant: str | None, now: float) -> Reply:
        if client is None or self._clients.get(client[0]) != client[1]:
            return oauth_error("invalid_client", "A valid OAuth client could not be found", 401)
        if grant is None:
            return oauth_error("invalid_request", "Missing grant_type parameter value")
        if grant != "client_credentials":
            return oauth_error("unsupported_grant_type", "Unsupported grant_type value")
        token = self._tokens.get(client[0])
        if token is None or token.ends_at <= now:
            text = self._rng.randbytes(16).hex()
            token = self._tokens[client[0]] = Token(text, client[0], now + self._rules.token_s)
        left = max(1, int((token.ends_at - now) / self._scale))
        return answer(
            {"access_token": token.text, "scope": "default", "token_type": "Bearer", "expires_in": left}
        )

    def revoke(self, client: tuple[str, str] | None, text: str) -> Reply:
        if client is None or self._clients.get(client[0]) != client[1]:
            return oauth_error("invalid_client", "A valid OAuth client could not be found", 401)
        if (token := self._tokens.get(client[0])) is not None and token.text == text:
            del self._tokens[client[0]]
        return answer({})

    def refused_token(self, bearer: str, now: float) -> Reply | None:
        """The gateway's fault for a token that does not open, else None."""
        good = any(token.text == bearer and token.ends_at > now for token in self._tokens.values())
        return None if good else BAD_TOKEN

    def login(self, username: str, password: str, now: float) -> Reply:
        """No code for a refused login is documented: the text tells a locked user from a wrong password."""
        locked = self.locked(username)
        if locked or self._users.get(username) != password:
            self._failures[username] += 1
            text = "The user is locked" if locked else "Invalid username or password"
            return error("REQUEST_FAILED.UnexpectedError", text, self._rules.session_refused_status)
        self._failures[username] = 0
        text = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        self._sessions[text] = Session(username, now)
        return answer({"sessionToken": text})

    def locked(self, username: str) -> bool:
        return self._failures[username] >= self._rules.failed_logins_max

    def logout(self, session: str) -> Reply:
        self._sessions.pop(session, None)
        return answer({"sessionToken": session})

    def refused_session(self, text: str | None, now: float) -> Reply | None:
        """The service's error for a session that is none, else None; a good one has been used now."""
        status = self._rules.session_refused_status
        if not text:
            return error("REQUEST_FAILED.SessionToken.Format", "VZ-M2M-Token is missing", status)
        if not _is_uuid(text):
            return error("INPUT_INVALID.SessionToken.Invalid", "The session token is not valid", status)
        session = self._sessions.get(text)
        if session is None or now - session.used_at > self._rules.session_idle_s:
            self._sessions.pop(text, None)
            return error("REQUEST_FAILED.SessionToken.Expired", "The session token has expired", status)
        session.used_at = now
        return None

    def drop_tokens(self) -> int:
        """As when the gateway restarts: every token is refused from now on. How many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def drop_sessions(self) -> int:
        count = len(self._sessions)
        self._sessions.clear()
        return count

    def lock(self, username: str) -> None:
        self._failures[username] = self._rules.failed_logins_max

    def unlock(self, username: str) -> None:
        del self._failures[username]

    def view(self) -> Json:
        failed: dict[str, Json] = {name: count for name, count in self._failures.items() if count}
        return {
            "tokens": len(self._tokens),
            "sessions": len(self._sessions),
            "failed_logins": failed,
            "locked": [name for name in failed if self.locked(name)],
        }


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
