"""What the API answers: bodies in the shapes its gateway and its services really use, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulator.content import Json

SERVICE = "UnifiedWebService"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(value: Json, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def error(code: str, text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Reply:
    """A service's refusal; the code is written behind the service's name."""
    body = {"errorCode": f"{SERVICE}.{code}", "errorMessage": text}
    return Reply(status, json.dumps(body).encode(), headers=headers or {})


def _gateway(status: int, code: str, message: str, description: str) -> Reply:
    return answer({"fault": {"code": code, "message": message, "description": description}}, status)


NO_RESOURCE = _gateway(
    400,
    "900906",
    "No matching resource found in the API for the given request",
    "Access failure for API: /m2m/v1, version: v1. Check the API documentation and add a proper REST "
    "resource path to the invocation URL",
)
NO_TOKEN = _gateway(401, "900902", "Missing Credentials", "Required OAuth credentials not provided. ")
BAD_TOKEN = _gateway(
    401,
    "900901",
    "Invalid Credentials",
    "Access failure for API: /m2m/v1, version: v1. Make sure you have given the correct access token",
)
FORBIDDEN_XML = Reply(
    403,
    b'<am:fault xmlns:am="http://wso2.org/apimanager"><am:code>404</am:code>'
    b"<am:type>Status report</am:type><am:message>Not Found</am:message>"
    b"<am:description>The requested resource is not available.</am:description></am:fault>",
    "application/xml",
)
PROXY_PAGE = Reply(
    502,
    b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
    "text/html",
)
UNAVAILABLE = Reply(
    503, b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", "text/html"
)
GATEWAY_TIMEOUT = Reply(504, b"<html><body><h1>504 Gateway Time-out</h1></body></html>", "text/html")


def too_many(retry_after_s: int) -> Reply:
    """The body of a 429 is not documented; its header is the usual one, in real seconds."""
    reply = answer({"errorCode": "429", "errorMessage": "Too many requests"}, 429)
    return Reply(reply.status, reply.body, headers={"Retry-After": str(retry_after_s)})


def oauth_error(kind: str, text: str, status: int = 400) -> Reply:
    return answer({"error": kind, "error_description": text}, status)
