"""The one place that speaks HTTP to ThingSpace. Every error of the client library ends here.

Certificates are verified always, redirects followed never (a redirect would take the credentials elsewhere),
cookies kept never. A question that changes something goes over a connection of its own: one that lay idle may
have been closed by the other side, and then nobody could say whether the question arrived.
"""

import ssl
from types import SimpleNamespace
from typing import Final

import aiohttp
from yarl import URL

from reconciler.thingspace.exchange import Answer, Call, NoAnswerError, NotSentError
from reconciler.thingspace.limits import Limits

CHUNK_BYTES: Final = 65_536
KEPT_CONNECTIONS_MAX: Final = 16
HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "profile-ledger",
}


class Wire:
    """`close` it. One for all accounts: it holds no credentials."""

    def __init__(self, base_url: str, limits: Limits) -> None:
        self._base_url = base_url
        self._limits = limits
        context = ssl.create_default_context()
        self._kept = self._client(aiohttp.TCPConnector(ssl=context, limit=KEPT_CONNECTIONS_MAX))
        self._fresh = self._client(
            aiohttp.TCPConnector(ssl=context, limit=KEPT_CONNECTIONS_MAX, force_close=True)
        )

    async def close(self) -> None:
        await self._kept.close()
        await self._fresh.close()

    async def exchange(self, call: Call) -> Answer:
        """Raises `NotSentError` or `NoAnswerError`, whose texts name causes and nothing else."""
        progress = SimpleNamespace(writing=False)
        try:
            return await self._exchanged(call, progress)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            if progress.writing:
                raise NoAnswerError(_cause(error, self._limits)) from None
            raise NotSentError(_cause(error, self._limits)) from None

    async def _exchanged(self, call: Call, progress: SimpleNamespace) -> Answer:
        client = self._fresh if call.changes else self._kept
        url = URL(self._base_url + call.path, encoded=True)
        async with client.request(
            call.method,
            url,
            data=call.body,
            headers=call.headers,
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            body = await self._bounded(response)
            return Answer(response.status, body, response.headers.get("Retry-After"))

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._limits.body_bytes_max:
                response.close()
                raise aiohttp.ClientPayloadError("longer than any answer of ThingSpace")
        return bytes(body)

    def _client(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_writing)
        return aiohttp.ClientSession(
            connector=connector,
            headers=HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=self._limits.timeout_s, connect=self._limits.connect_timeout_s
            ),
            trace_configs=[tracing],
            trust_env=False,
        )


async def _note_writing(
    _: aiohttp.ClientSession,
    context: SimpleNamespace,
    __: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    """From here on nobody can say that nothing arrived."""
    context.trace_request_ctx.writing = True


def _cause(error: Exception, limits: Limits) -> str:
    """In words that hold nothing of what was sent: a library's message may quote an address or a header."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "no secure connection could be agreed on"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {limits.connect_timeout_s:g} s"
        case TimeoutError():
            return f"no answer within {limits.timeout_s:g} s"
        case aiohttp.ClientConnectorError():
            return f"no connection: {error.os_error.strerror or 'refused'}"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed without an answer"
        case aiohttp.ClientPayloadError():
            return "the answer was cut off or too long"
        case OSError():
            return f"the connection broke: {error.strerror or type(error).__name__}"
        case _:
            return f"no HTTP came back ({type(error).__name__})"
