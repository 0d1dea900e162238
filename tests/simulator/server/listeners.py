"""Which URL hears of which service of which account: one each, as ThingSpace has it."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from tests.simulator.content import Json
from tests.simulator.message import Listener
from tests.simulator.server.reply import Reply, answer, error
from tests.simulator.server.settings import Callbacks

PORTS = frozenset({80, 443, *range(9001, 9007), *range(50551, 50560), *range(28200, 28221)})
CREDENTIAL_LENGTH_MAX = 40
SERVICES = frozenset(
    {
        "AlertService",
        "AlertsService",
        "CarrierService",
        "DevicePRLInformation",
        "DeviceProfileService",
        "DevicePromoUsage",
        "DeviceService",
        "DeviceSuspensionStatus",
        "DeviceUsage",
        "DiagnosticsService",
        "EnhancedConnectivityService",
        "ExtendedEnhancedConnectivityService",
        "ExternalProvisioningChanges",
        "IntelligenceService",
        "NetworkEventService",
        "NiddService",
        "PromoChanges",
        "PwnService",
        "QoS",
        "ResumeTrackingNotification",
        "SMSDeliveryConfirmation",
        "StateService",
        "SubscriptionNotificationService",
        "VIPCallbackService",
    }
)


@dataclass(frozen=True, slots=True)
class Registration:
    """`previous_password` is still sent, now and then, until `previous_until`."""

    account: str
    service: str
    url: str
    username: str = ""
    password: str = ""
    previous_password: str | None = None
    previous_until: float = 0.0

    def listener(self) -> Listener:
        return Listener(
            self.account, (self.url,), self.username, self.password, previous_password=self.previous_password
        )


class Listeners:
    def __init__(self, rules: Callbacks) -> None:
        self._rules = rules
        self._known: dict[tuple[str, str], Registration] = {}
        self._gone: dict[tuple[str, str], Registration] = {}

    def register(self, wanted: Registration, now: float) -> Reply:
        key = wanted.account, wanted.service
        refused = self._refused(wanted)
        if refused is not None:
            return error("REQUEST_FAILED.UnexpectedError", refused)
        before = self._known.get(key) or self._gone.pop(key, None)
        if before is not None and before.password != wanted.password and self._rules.old_password_s:
            until = now + self._rules.old_password_s
            wanted = replace(wanted, previous_password=before.password, previous_until=until)
        self._known[key] = wanted
        return _names(wanted.account, wanted.service)

    def _refused(self, wanted: Registration) -> str | None:
        """Why a registration cannot be, in words: no code for it is documented."""
        if wanted.service not in SERVICES:
            return f"{wanted.service} is not a callback service"
        if max(len(wanted.username), len(wanted.password)) > CREDENTIAL_LENGTH_MAX:
            return f"username and password have at most {CREDENTIAL_LENGTH_MAX} characters"
        if self._rules.over_existing == "refuse" and (wanted.account, wanted.service) in self._known:
            return "a listener is registered for this service; deregister it first"
        return refused_url(wanted.url, self._rules.strict_ports)

    def listed(self, account: str) -> Reply:
        """As the API lists them: passwords in clear, empty members left out."""
        found = [one for one in self._known.values() if one.account == account]
        return answer([self._line(one) for one in found])

    def _line(self, one: Registration) -> Json:
        line: dict[str, Json] = {
            "accountName": one.account,
            self._rules.name_key: one.service,
            "url": one.url,
        }
        optional = {"username": one.username, "password": one.password}
        return line | {name: text for name, text in optional.items() if text}

    def deregister(self, account: str, service: str) -> Reply:
        if not self.vanish(account, service):
            return error("REQUEST_FAILED.UnexpectedError", f"no listener is registered for {service}")
        return _names(account, service)

    def vanish(self, account: str, service: str) -> bool:
        """Forget a registration, as ThingSpace has been seen to do; False where there was none."""
        found = self._known.pop((account, service), None)
        if found is not None:
            self._gone[account, service] = found
        return found is not None

    def take_over(self, wanted: Registration) -> None:
        """Somebody else registers his URL: no rule is asked, nobody is told."""
        self._known[wanted.account, wanted.service] = wanted

    def find(self, account: str, service: str) -> Registration | None:
        return self._known.get((account, service))

    def view(self) -> Json:
        return [{**one, "account": key[0]} for key, found in self._known.items() if (one := _shown(found))]


def _shown(one: Registration) -> dict[str, Json]:
    return {"service": one.service, "url": one.url, "username": one.username}


def _names(account: str, service: str) -> Reply:
    return answer({"accountName": account, "serviceName": service})


def refused_url(url: str, strict_ports: bool | None) -> str | None:
    """Why ThingSpace would not call a URL; with `strict_ports` None any port will do on loopback."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "the URL cannot be read"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "the URL must be http or https"
    if strict_ports is False or (strict_ports is None and _is_loopback(parts)):
        return None
    return None if port in PORTS else f"port {port} is not allowed"


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def still_old(registration: Registration, now: float, rng: random.Random) -> bool:
    """True where this message still carries the password from before the rotation."""
    return registration.previous_until > now and rng.random() < 0.5
