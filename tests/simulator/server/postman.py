"""Takes callbacks to whoever is registered at that moment, with the credentials registered, and notes it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Protocol, TextIO

from tests.simulator.callback import body_of
from tests.simulator.delivery import Answer, Mode, deliver, deliver_copies
from tests.simulator.journal import Journal
from tests.simulator.message import Credentials, Message
from tests.simulator.server.clock import SimulatedClock
from tests.simulator.server.letter import Letter, Sent
from tests.simulator.server.listeners import Listeners, Registration, still_old
from tests.simulator.server.requests import Part, Request
from tests.simulator.spelling import spelled
from tests.simulator.story import Truth

POSTS_AT_ONCE = 200


class Wire(Protocol):
    async def post(self, url: str, body: bytes, *, gzipped: bool = False) -> Answer: ...


class Postman:
    def __init__(
        self, wire: Wire, mode: Mode, clock: SimulatedClock, listeners: Listeners, stream: TextIO | None
    ) -> None:
        self._wire, self._mode, self._clock = wire, mode, clock
        self._listeners, self._stream = listeners, stream
        self.on_the_way = 0
        self._gate = asyncio.Semaphore(POSTS_AT_ONCE)

    async def send(self, letter: Letter, rng: random.Random) -> Sent:
        """Deliver one callback as the mode does, to its end; nobody registered means it is lost for good."""
        now = self._clock.now()
        registration = self._listeners.find(letter.account, letter.service)
        if registration is None:
            return Sent(letter, now, "no listener")
        which = letter.credentials
        if which == "right" and still_old(registration, now, rng):
            which = "previous"
        message = _message(letter, registration, which)
        self.on_the_way += 1
        try:
            fate = await self._deliver(message, registration, letter.copies, rng)
        finally:
            self.on_the_way -= 1
        return Sent(letter, now, fate, registration.url, which)

    async def _deliver(
        self, message: Message, registration: Registration, copies: int, rng: random.Random
    ) -> str:
        journal = Journal(self._stream, registration.listener())
        story = message.request_id or "serve"

        async def post(attempt: int) -> Answer:
            async with self._gate:
                sent_at = self._clock.now()
                answer = await self._wire.post(registration.url, message.bytes_at(attempt))
            journal.attempt(story, message, attempt, registration.url, sent_at, self._clock.now(), answer)
            return answer

        if copies > 1:
            fate = await deliver_copies(post, copies, message.first_attempt)
        else:
            fate = await deliver(post, self._mode, self._clock, rng, message.first_attempt)
        journal.message(story, message, fate)
        return fate

    def truth(self, request: Request, part: Part) -> None:
        """What a ledger must hold in the end, into the journal."""
        registration = Registration(request.account, "", "")
        state = "succeeded" if part.done else "failed"
        truth = Truth("operation", request.request_id, part.eid, request.action, state)
        Journal(self._stream, registration.listener()).truth(request.request_id, truth)


def _message(letter: Letter, registration: Registration, which: Credentials) -> Message:
    username, password = registration.listener().credentials(which)
    callback = replace(letter.callback, username=username, password=password)
    return Message(
        label=f"{callback.request_id}/{callback.device.eid}",
        body=spelled(body_of(callback), letter.spellings),
        request_id=callback.request_id,
        service=letter.service,
        credentials=which,
        first_attempt=callback.attempt,
        answer=403 if which in {"wrong", "absent"} else 200,
    )
