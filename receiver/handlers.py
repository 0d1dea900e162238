"""What becomes of one request: the rows of the callback endpoint, the first that applies.

The head decides first (path, method, path secret, source, coding), then the body (size, time, gzip), then
what stands in it. A callback is answered 200 only when the lane says where it is safe.
"""

import time
from datetime import UTC, datetime

from aiohttp import hdrs

from receiver.access import AccessLog
from receiver.answers import (
    EMPTY,
    MALFORMED,
    NOT_STORED,
    SOURCE_REFUSED,
    STORED,
    UNAUTHENTICATED,
    UNKNOWN_PATH,
    UNREADABLE,
    WRONG_ENCODING,
    WRONG_METHOD,
    Answer,
)
from receiver.auth import credentials_right, source_verdict
from receiver.body import Undecodable, coding, decode
from receiver.connection import Request
from receiver.lane import Lane
from receiver.metrics import UNKNOWN_ACCOUNT, Metrics
from receiver.peers import Peers
from receiver.policy import Policy
from receiver.recent import Recent
from receiver.routes import PREFIX, Route, Routes
from receiver.sources import Peer
from schemas.callback import Callback, Unreadable, parse
from schemas.ids import AccountName, RequestId
from schemas.record import Record, callback_record, quarantine_record
from schemas.topics import Topics

UNLISTED_FLAGS = ("source_unlisted",)


class Callbacks:
    """The endpoint. `adopt` may be called at any time; a request keeps the policy it began with."""

    def __init__(
        self,
        policy: Policy,
        lane: Lane,
        peers: Peers,
        *,
        topics: Topics,
        producer: str,
        metrics: Metrics,
        access: AccessLog,
    ) -> None:
        """`producer` names this process in what it stores."""
        self._lane = lane
        self._peers = peers
        self._topics = topics
        self._producer = producer
        self._metrics = metrics
        self._access = access
        self._strangers = metrics.tally(UNKNOWN_ACCOUNT)
        self._recent = Recent()
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        self._policy = policy
        self._routes = Routes(policy.accounts.by_name, self._metrics)

    # From the connection

    async def answer(self, request: Request) -> Answer:
        began = time.perf_counter()
        route = self._routes.at(request.path) or self._routes.find(request.absolute_path())
        if route is None:
            answer, tally = self._lost(request), self._strangers
        else:
            answer, tally = await self._take(request, route), route.tally
        seconds = time.perf_counter() - began
        tally.count(answer)
        self._metrics.ack_seconds.observe(seconds)
        self._access.note(answer, route, request.host, seconds)
        return answer

    def malformed(self, host: str) -> Answer:
        self._strangers.count(MALFORMED)
        self._access.note(MALFORMED, None, host, 0.0)
        return MALFORMED

    def stalled(self) -> None:
        self._metrics.stalled.inc()

    # The head and the body

    def _lost(self, request: Request) -> Answer:
        if request.method != hdrs.METH_POST and request.absolute_path().startswith(PREFIX):
            return WRONG_METHOD
        return UNKNOWN_PATH

    async def _take(self, request: Request, route: Route) -> Answer:
        if request.method != hdrs.METH_POST:
            return WRONG_METHOD
        policy = self._policy
        peer = self._peers.speaker(request.host, request.headers)
        source = source_verdict(route.account, listed=peer.listed, mode=policy.allow_mode)
        if source == "refused":
            return SOURCE_REFUSED
        encoding = coding(request.headers.getall(hdrs.CONTENT_ENCODING, ()))
        if encoding is None:
            return WRONG_ENCODING
        body = await request.read(bytes_max=policy.body_bytes_max, timeout_s=policy.body_timeout_s)
        if isinstance(body, bytes) and encoding == "gzip" and body:
            decoded = decode(body, bytes_max=policy.body_bytes_max)
            if isinstance(decoded, Undecodable):
                return await self._unusable(route, peer, Unreadable("gzip_undecodable", None, b""), len(body))
            body = decoded
        if isinstance(body, Answer):
            return body
        return await self._keep(route, peer, policy, body) if body else EMPTY

    # What stands in it

    async def _keep(self, route: Route, peer: Peer, policy: Policy, body: bytes) -> Answer:
        callback = parse(body, policy.secrets)
        if isinstance(callback, Unreadable):
            return await self._unusable(route, peer, callback, len(body))
        now = datetime.now(UTC)
        shown = callback.credentials
        if not credentials_right(route.account, shown.username, shown.password, now):
            return await self._unauthenticated(route, peer, callback.request_id, len(body), now)
        self._notice(callback, peer)
        record = callback_record(
            self._topics,
            callback,
            account=AccountName(route.account.name),
            service=route.service,
            source_ip=peer.text,
            observed_at=now,
            producer=self._producer,
            extra_flags=() if peer.listed else UNLISTED_FLAGS,
        )
        return await self._stored(record, STORED)

    async def _stored(self, record: Record, answer: Answer, *, proven: bool = True) -> Answer:
        """`answer` where the record is safe."""
        if await self._lane.submit(record, proven=proven) != "nowhere":
            return answer
        self._metrics.probable_loss.inc()
        return NOT_STORED

    async def _unusable(self, route: Route, peer: Peer, found: Unreadable, length: int) -> Answer:
        """Nobody can say whether the sender knew the password: it may have stood in what we cannot read."""
        record = self._quarantined(
            route, peer, found.reason, found.request_id, datetime.now(UTC), found.scrubbed, length
        )
        return await self._stored(record, UNREADABLE, proven=False)

    async def _unauthenticated(
        self, route: Route, peer: Peer, request_id: RequestId | None, length: int, now: datetime
    ) -> Answer:
        """Refused in any case; kept where there is room, without a byte of the body."""
        record = self._quarantined(route, peer, "unauthenticated", request_id, now, b"", length)
        if await self._lane.submit(record, proven=False) == "nowhere":
            self._metrics.unkept.inc()
        return UNAUTHENTICATED

    def _quarantined(
        self,
        route: Route,
        peer: Peer,
        reason: str,
        request_id: RequestId | None,
        now: datetime,
        kept: bytes,
        length: int,
    ) -> Record:
        return quarantine_record(
            self._topics,
            reason=reason,
            account=AccountName(route.account.name),
            service=route.service,
            request_id=request_id,
            source_ip=peer.text,
            observed_at=now,
            producer=self._producer,
            kept=kept,
            length=length,
        )

    def _notice(self, callback: Callback, peer: Peer) -> None:
        """What an alarm should know of, taken from the flags."""
        if not peer.listed:
            self._metrics.source_unlisted.inc()
        seen = self._recent.saw(hash(callback.canonical))
        for flag in callback.flags:
            match flag:
                case "first_seen_late" if not seen:
                    self._metrics.first_seen_late.inc()
                case "last_attempt":
                    self._metrics.last_attempt.inc()
                case "unknown_member":
                    self._metrics.unknown_member.inc()
                case _:
                    pass
