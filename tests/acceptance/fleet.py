"""A fleet at the simulated ThingSpace: cards, orders, and what really became of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
from aiokafka import AIOKafkaProducer
from pydantic import BaseModel, ConfigDict

from schemas.event import request_event
from schemas.ids import AccountName, Eid, Iccid, RequestId
from schemas.record import record_of
from tests.acceptance.product import FLEET, PASSWORD, USERNAME, Product, Receiver
from tests.support.polling import eventually
from tests.support.program import Program

CLIENT, SECRET = "client", "client-secret"
USER, USER_PASSWORD = "user", "password"
SMSR_OID = "1.3.6.1"


class CardProfile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    iccid: str
    state: str
    fallback: bool


class Card(BaseModel):
    """A device as the simulator tells of it."""

    model_config = ConfigDict(extra="ignore")
    eid: str
    profiles: tuple[CardProfile, ...]

    @property
    def iccid(self) -> str:
        """Of the one profile that is no bootstrap."""
        (own,) = (profile.iccid for profile in self.profiles if not profile.fallback)
        return own


class DeviceTruth(BaseModel):
    model_config = ConfigDict(extra="ignore")
    eid: str
    state: str
    course: str | None


class Truth(BaseModel):
    """What became of a request at ThingSpace, and what befell its callbacks."""

    model_config = ConfigDict(extra="ignore")
    request_id: str
    over: bool
    devices: tuple[DeviceTruth, ...]


@dataclass(frozen=True, slots=True)
class Order:
    action: str
    eid: str
    iccid: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ThingSpace:
    """The simulator, and a client of it that is none of the product's."""

    program: Program
    base_url: str
    control_url: str
    headers: dict[str, str] = field(default_factory=dict)
    """Of a token and a session; where a simulated hour is a second, both end soon."""

    async def post(self, url: str, body: object) -> object:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.post(url, json=body, headers=self.headers) as answer:
                    text = await answer.text()
                    if answer.status == 200:
                        return json.loads(text)
                await self._log_in(session)
        raise AssertionError(text)

    async def _log_in(self, session: aiohttp.ClientSession) -> None:
        form = {"grant_type": "client_credentials"}
        basic = {"Authorization": aiohttp.encode_basic_auth(CLIENT, SECRET)}
        async with session.post(f"{self.base_url}/ts/v1/oauth2/token", data=form, headers=basic) as answer:
            bearer = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
        login = {"username": USER, "password": USER_PASSWORD}
        url = f"{self.base_url}/m2m/v1/session/login"
        async with session.post(url, json=login, headers=bearer) as answer:
            self.headers.update(bearer, **{"VZ-M2M-Token": (await answer.json())["sessionToken"]})

    async def control(self, path: str = "") -> object:
        async with aiohttp.ClientSession() as session, session.get(self.control_url + path) as answer:
            return await answer.json()

    async def cards(self, count: int) -> Sequence[Card]:
        """So many new ones, each with a disabled profile beside the bootstrap."""
        made = await self.post(f"{self.control_url}/devices", {"count": count, "state": "disabled"})
        assert isinstance(made, list)
        return [Card.model_validate(card) for card in made]

    async def truths(self) -> Mapping[str, Truth]:
        """By request id."""
        told = await self.control("/truth")
        assert isinstance(told, dict)
        truths = map(Truth.model_validate, told["requests"])
        return {truth.request_id: truth for truth in truths}

    async def register(self, receiver: Receiver) -> None:
        url = f"{receiver.url}/v1/callbacks/{FLEET}/DeviceProfileService"
        listener = {"name": "DeviceProfileService", "url": url, "username": USERNAME, "password": PASSWORD}
        await self.post(f"{self.base_url}/m2m/v1/callbacks/{FLEET}", listener)

    async def order(self, action: str, card: Card) -> Order:
        ids = [{"kind": "eid", "id": card.eid}, {"kind": "iccid", "id": card.iccid}]
        body = {"accountName": FLEET, "smsrOid": SMSR_OID, "devices": [{"deviceIds": ids}]}
        answer = await self.post(f"{self.base_url}/m2m/v1/devices/profile/actions/{action}", body)
        assert isinstance(answer, dict)
        return Order(action, card.eid, card.iccid, answer["requestId"])


async def start_thingspace(product: Product, *options: str) -> ThingSpace:
    """`serve`, once it listens."""
    program = product.programs.launch("thingspace-simulator", "serve", *options)
    where = json.loads(await eventually(lambda: program.stdout().strip()))
    return ThingSpace(program, where["base_url"], where["control_url"])


def thingspace_settings(product: Product, base_url: str) -> dict[str, str]:
    """The settings by which the product asks this ThingSpace."""
    product.write("client-secret", SECRET)
    product.write("user-password", USER_PASSWORD)
    accounts = product.write("thingspace.toml", _accounts())
    return {"THINGSPACE_BASE_URL": base_url, "THINGSPACE_ACCOUNTS_FILE": str(accounts)}


def _accounts() -> str:
    return f"""
[[account]]
name = "{FLEET}"
client_id = "{CLIENT}"
client_secret_file = "client-secret"
username = "{USER}"
password_file = "user-password"
callback_url = "https://callbacks.example.com/v1/callbacks/{FLEET}"
requests_per_minute = 6000
"""


async def announce(product: Product, orders: Sequence[Order]) -> None:
    """As another system does that asks ThingSpace by itself."""
    producer = AIOKafkaProducer(bootstrap_servers=product.bootstrap, acks="all")
    await producer.start()
    try:
        for order in orders:
            event = request_event(
                phase="announced",
                account=AccountName(FLEET),
                request_id=RequestId(order.request_id),
                intent_id=None,
                eid=Eid(order.eid),
                iccid=Iccid(order.iccid),
                action=order.action,
                observed_at=datetime.now(UTC),
                producer="test",
                requested_by="the fleet's own tool",
            )
            record = record_of(product.topics, event)
            await producer.send_and_wait(
                record.topic, record.value, key=record.key, headers=list(record.headers)
            )
    finally:
        await producer.stop()
