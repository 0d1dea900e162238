"""The HTTP side: a POST as Verizon's callback service sends it, and no redirect, cookie or proxy."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import aiohttp

from tests.simulator.delivery import Answer

USER_AGENT = "Verizon's callback service"


class HttpWire:
    """One session per source address, taken in turn; a connection is used once, as callbacks are rare."""

    def __init__(
        self, *, answer_limit_s: float, sources: Sequence[str] = (), ca_file: str | None = None
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=answer_limit_s)
        self._sources = tuple(sources) or (None,)
        self._ssl = ssl.create_default_context(cafile=ca_file) if ca_file else True
        self._sessions: list[aiohttp.ClientSession] = []
        self._turn = 0

    async def __aenter__(self) -> Self:
        for source in self._sources:
            connector = aiohttp.TCPConnector(
                limit=0, force_close=True, local_addr=None if source is None else (source, 0), ssl=self._ssl
            )
            session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding"),
                headers={"User-Agent": USER_AGENT, "Content-Type": "application/json"},
            )
            self._sessions.append(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for session in self._sessions:
            await session.close()

    async def post(self, url: str, body: bytes, *, gzipped: bool = False) -> Answer:
        """One attempt. What goes wrong on the way is an answer too: the sender lives with it."""
        self._turn += 1
        session = self._sessions[self._turn % len(self._sessions)]
        headers = {"Content-Encoding": "gzip"} if gzipped else {}
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                await response.read()
                return Answer(response.status)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Answer(None, type(error).__name__)
