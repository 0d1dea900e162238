"""The connector to IMIconnect (Webex Connect) app profiles, Profile API version 2.

It deletes one device's app profile, and nothing more: the shapes that delete more are built nowhere. Creating
and updating take one record at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import quote

import orjson
from pydantic import SecretStr
from yarl import URL

from reconciler.downstream import imiconnect_answer
from reconciler.downstream.address import profile_address
from reconciler.downstream.answer import Answer
from reconciler.downstream.exchange import Exchange, Method, Request
from reconciler.downstream.imiconnect_answer import Call

RESOURCES: Final = ("resources", "v2")
PROFILES: Final = "customerappprofile"

HOSTS: Final[Mapping[str, str]] = {
    **{region: f"api.{region}.webexconnect.io" for region in ("ca", "eu", "uk", "us", "us1", "in", "au")},
    "imiconnect-emea": "api.imiconnect.io",
    "imiconnect-us-aws": "api-us.imiconnect.io",
    "imiconnect-uk": "api.imiconnect.eu",
    "imiconnect-ca": "api.imiconnect.ca",
    "imiconnect-us-azure": "api.imiconnect.us",
    "imiconnect-in": "api.imiconnect.in",
    "imiconnect-com": "api.imiconnect.com",
}
"""By region: a tenant lives in one, and there is no host that serves all."""

_NAMES: Final = """
status verified psid customerId name profile_pic gender locale timezone channel createdOn updatedOn
twitterid twitter_handle twitter_name geolocation city nick province language country created_on
updated_on wechat_user_id connectStatus appId userId password deviceId batterylevel Bluetooth cellid
connectType email externalmemory foreground foregroundapp idlescreen imei imsi internalmemory IP
oldlocation location MAC make MCC MNC model NFC os osversion phonemode presence RAM resolution
roaming serialnumber signalstrength teleco timespent useragent pushId last_opened last_upgraded
accounts sdkversion rtmId
"""
ATTRIBUTES: Final = frozenset(_NAMES.split())
"""The attributes that an app profile has; the vendor's own spelling."""


class ProfileIds(NamedTuple):
    """Which app profile: the holder is a customer id or a user id, as the tenant's mapping says."""

    app_id: str
    holder_id: str
    device_id: str


class Found(NamedTuple):
    """What a get says: `answer`, and where it could be read, the profiles of the holder in this app."""

    answer: Answer
    profiles: Sequence[Mapping[str, str]] | None


@dataclass(frozen=True, slots=True)
class ImiConnect:
    """`base` is scheme, host and port of the tenant's region; `key` its client profile key."""

    base: URL
    key: SecretStr
    exchange: Exchange = field(repr=False)

    def deletion(self, ids: ProfileIds) -> Request:
        """What `delete` would send. Raises `UnsafeAddressError`."""
        return self._request("DELETE", profile_address(self.base, (*RESOURCES, PROFILES), *ids))

    async def delete(self, ids: ProfileIds) -> Answer:
        return await self._asked("delete", self.deletion(ids))

    async def get(self, ids: ProfileIds) -> Found:
        """Every profile of the holder: one for each device."""
        profile_address(self.base, (*RESOURCES, PROFILES), *ids)  # the same ids that a deletion would take
        url = self._url(PROFILES, ids.app_id, ids.holder_id)
        reply = await self.exchange.send(self._request("GET", url))
        if isinstance(reply, Answer):
            return Found(reply, None)
        answer = imiconnect_answer.read("get", reply.http_status, reply.body, reply.retry_after_s)
        readable = answer.outcome in ("confirmed", "not_there")
        return Found(answer, imiconnect_answer.records_of(reply.body) if readable else None)

    async def status(self, transaction_id: str) -> Answer:
        """What became of an accepted call. Pending and never heard of are one answer."""
        return await self._asked(
            "status", self._request("GET", self._url("profile", "status", transaction_id))
        )

    async def create(self, ids: ProfileIds, attributes: Mapping[str, str]) -> Answer:
        """Raises ValueError for an attribute that app profiles do not have."""
        return await self._asked("create", self._record("POST", ids, attributes))

    async def update(self, ids: ProfileIds, attributes: Mapping[str, str]) -> Answer:
        """Whether what is not named stays or goes, the vendor does not say. Raises ValueError as `create`."""
        return await self._asked("update", self._record("PUT", ids, attributes))

    async def _asked(self, call: Call, request: Request) -> Answer:
        reply = await self.exchange.send(request)
        if isinstance(reply, Answer):
            return reply
        return imiconnect_answer.read(call, reply.http_status, reply.body, reply.retry_after_s)

    def _record(self, method: Method, ids: ProfileIds, attributes: Mapping[str, str]) -> Request:
        unknown = sorted(attributes.keys() - ATTRIBUTES)
        if unknown:
            raise ValueError(f"an app profile has no attribute {', '.join(unknown)}; correct the name")
        profile_address(self.base, (*RESOURCES, PROFILES), *ids)
        named = {"customerId": ids.holder_id, "deviceId": ids.device_id, **attributes}
        body = orjson.dumps({"Records": [{"customerId": ids.holder_id, "Attributes": named}]})
        return self._request(method, self._url(PROFILES, ids.app_id), body)

    def _url(self, *segments: str) -> URL:
        path = "/".join((*RESOURCES, *(quote(segment, safe="") for segment in segments)))
        return URL(f"{self.base.origin()}/{path}", encoded=True)

    def _request(self, method: Method, url: URL, body: bytes | None = None) -> Request:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return Request(method, url, headers, {"key": self.key.get_secret_value()}, body)
