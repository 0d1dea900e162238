"""No id that anybody can think of makes another address than the one for one device."""

import re
from urllib.parse import unquote

import pytest
from aiohttp import ClientSession, web
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from reconciler.downstream.address import UnsafeAddressError, profile_address, provision_address

BASE = URL("https://api.eu.webexconnect.io")
PATH = ("resources", "v2", "customerappprofile")
PROFILE = re.compile(r"/resources/v2/customerappprofile/([^/?#]+)/([^/?#]+)/([^/?#]+)")

HOSTILE = (
    *(
        "",
        " ",
        ".",
        "..",
        "...",
        "/",
        "//",
        "\\",
        "a/b",
        "../..",
        "%2e%2e",
        "%2F",
        "%",
        "%00",
        "?",
        "#",
        "a#b",
    ),
    *(
        "a?identifier=b",
        ";",
        "a;b",
        "\n",
        "a\r\nHost: b",
        "\x00",
        "\x7f",
        " a",
        "a ",
        "a\t",
        "\u2024\u2024",
        "\u2215",
    ),
    *(
        "\uff0e\uff0e",
        "é",
        "\u200b",
        "\ud800",
        "x" * 257,
        "http://b/",
        "//b/c",
        "@b",
        ":80",
        "a:b@c",
        "~",
        "null",
    ),
    *(
        "&customerId=b",
        "a&b=c",
        "+",
        "*",
        "a b",
        "'",
        '"',
        "<script>",
        "{deviceid}",
        "$(id)",
        "`id`",
        "\u202e",
    ),
)
ids = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.text(alphabet="./\\%?#;2eEfF ", max_size=8),
    st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300),
)


@given(ids, ids, ids)
@example("a_635736738702976937", "9876", "4451830998765")
@example("a", "b", "..")
@example("a", "b", "%2e%2e")
def test_an_address_has_three_ids_that_read_back_or_there_is_none(app: str, holder: str, device: str) -> None:
    try:
        address = profile_address(BASE, PATH, app, holder, device)
    except UnsafeAddressError:
        return
    for read in (address, URL(str(address))):  # also when it is read and normalised again
        found = PROFILE.fullmatch(read.raw_path)
        assert found is not None
        assert [unquote(segment) for segment in found.groups()] == [app, holder, device]
        assert (read.origin(), read.raw_query_string, read.raw_fragment) == (BASE, "", "")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "hostile", ["", ".", "..", "a/b", "a%2fb", "a\\b", "a?b", "a#b", " a", "a\n", "é", ";"]
)
def test_what_could_be_read_otherwise_by_somebody_is_refused_wherever_it_stands(
    place: int, hostile: str
) -> None:
    given_ids = ["app", "holder", "device"]
    given_ids[place] = hostile
    with pytest.raises(UnsafeAddressError, match="correct it in the mapping"):
        profile_address(BASE, PATH, *given_ids)


@given(ids)
@example("jdoe")
@example("a&cancelAllTemporaryAllows=true")
@example("a?reset=true")
def test_a_customers_address_asks_for_nothing_but_unregistering(customer: str) -> None:
    base = URL("https://oarm.example:8443/risk-cc")
    try:
        address = provision_address(base, ("customercare", "v1"), customer, ("provision",))
    except UnsafeAddressError:
        return
    found = re.fullmatch(r"/risk-cc/customercare/v1/([^/?#]+)/provision", address.raw_path)
    assert found is not None
    assert unquote(found[1]) == customer
    assert address.raw_query_string == "unregisterDevices=true"
    assert address.origin() == base.origin()


async def test_what_a_server_receives_is_what_was_built() -> None:
    """Through the client's own normalisation and a real socket, for every hostile id that is let through."""
    seen: list[str] = []

    async def record(request: web.BaseRequest) -> web.Response:
        seen.append(request.raw_path)
        return web.Response()

    runner = web.ServerRunner(web.Server(record))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        base = URL(f"http://127.0.0.1:{runner.addresses[0][1]}")
        built = [address for hostile in HOSTILE for address in _three(base, hostile)]
        async with ClientSession() as session:
            for address in built:
                async with session.delete(address, allow_redirects=False):
                    pass
    finally:
        await runner.cleanup()
    assert len(built) > 30
    assert seen == [address.raw_path for address in built]
    assert all(PROFILE.fullmatch(path) for path in seen)


def _three(base: URL, hostile: str) -> list[URL]:
    built = []
    for given_ids in ((hostile, "h", "d"), ("a", hostile, "d"), ("a", "h", hostile)):
        try:
            built.append(profile_address(base, PATH, *given_ids))
        except UnsafeAddressError:
            continue
    return built
