"""One request to a target and its whole answer: no redirect is followed, and everything is bounded.

aiohttp sends a DELETE a second time by itself when the connection ends before the answer. That must never
happen here, so a middleware gives the end of a connection another name, by which nothing is repeated.
"""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import aiohttp
from yarl import URL

from reconciler.downstream.answer import Answer
from reconciler.http_date import http_date
from schemas.scrub import Secrets

ANSWER_BYTES_MAX: Final = 1_048_576
RETRY_AFTER_S_MAX: Final = 3600.0

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Request:
    """What would be sent. `secrets` are the headers that nobody is ever shown."""

    method: Method
    url: URL
    headers: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    body: bytes | None = None

    def shown(self) -> str:
        """The request as a person may see it: secret headers masked, of the body only its length."""
        masked = {**self.headers, **dict.fromkeys(self.secrets, "***")}
        lines = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in masked.items())]
        return "\n".join([*lines, *([f"({len(self.body)} bytes)"] if self.body is not None else [])])


@dataclass(frozen=True, slots=True)
class Reply:
    http_status: int
    body: bytes
    retry_after_s: float | None


class HungUpError(aiohttp.ClientError):
    """The connection ended before the answer was there; the request may have been carried out."""


async def _sent_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise HungUpError(type(error).__name__) from error


class Exchange:
    """`send` never raises for what a target or the road to it does; it says what that means instead."""

    def __init__(self, *, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._timeout_s = timeout_s
        self._tls = tls

    async def send(self, request: Request) -> Reply | Answer:
        """An `Answer` where there is no reply: `away` if nothing can have happened, else `lost`."""
        connector = aiohttp.TCPConnector(ssl=self._tls or True, force_close=True)
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_sent_once,),
        ) as session:
            try:
                return await self._replied(session, request)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                return Answer("away", "", f"no connection ({type(error).__name__})")
            except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                return Answer("lost", "", f"no usable answer ({type(error).__name__})")

    async def _replied(self, session: aiohttp.ClientSession, request: Request) -> Reply | Answer:
        async with session.request(
            request.method,
            request.url,
            headers={**request.headers, **request.secrets},
            data=request.body,
            allow_redirects=False,
        ) as response:
            body = await response.content.read(ANSWER_BYTES_MAX + 1)
            while len(body) <= ANSWER_BYTES_MAX and not response.content.at_eof():
                body += await response.content.read(ANSWER_BYTES_MAX + 1 - len(body))
            if len(body) > ANSWER_BYTES_MAX:
                return Answer("lost", "", "an answer without end", None, response.status)
            shown = _without(request.secrets.values(), body)
            return Reply(response.status, shown, _retry_after_s(response.headers.get("Retry-After")))


def _without(secrets: Collection[str], body: bytes) -> bytes:
    """A target may quote what it refuses, and its words are kept: nothing of it where a secret would show."""
    hidden = Secrets(part for secret in secrets for part in _parts(secret))
    text = hidden.masked_escaped(body.decode("utf-8", "surrogateescape"))
    return b"" if hidden.show_in(text) else text.encode("utf-8", "surrogateescape")


def _parts(secret: str) -> Iterator[str]:
    """The value of a header, what follows its scheme, and what is written there in Base64."""
    yield secret
    scheme, _, rest = secret.partition(" ")
    yield rest
    if scheme != "Basic":
        return
    try:
        pair = b64decode(rest).decode()
    except ValueError:
        return  # nothing is written there that anybody could read
    yield pair
    yield pair.partition(":")[2]


def _retry_after_s(written: str | None) -> float | None:
    """Seconds, or a date; bounded."""
    if written is None:
        return None
    if written.strip().isdecimal():
        return min(float(written), RETRY_AFTER_S_MAX)
    at = http_date(written)
    return None if at is None else min(max((at - datetime.now(UTC)).total_seconds(), 0.0), RETRY_AFTER_S_MAX)
