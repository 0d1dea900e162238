"""No setting yields another deletion than the one for one device, or the one for one customer."""

import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.downstream.address import UnsafeAddressError
from reconciler.downstream.engine import connector
from reconciler.downstream.imiconnect import HOSTS, ProfileIds
from reconciler.downstream.targets import TargetsError, read_targets

IMI = re.compile(r"https?://[^/?#@]+/resources/v2/customerappprofile/[^/?#]+/[^/?#]+/[^/?#]+")
ORACLE = re.compile(r"https?://[^/?#@]+/([^?#]*/)?customercare/v1/[^/?#]+/provision\?unregisterDevices=true")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("targets")
    (made / "key").write_text("a key\n")
    (made / "risk").write_text(base64.b64encode(b"a password").decode())
    return made


def written(folder: Path, *entries: dict[str, object]) -> Path:
    path = folder / "targets.toml"
    lines = [
        "\n".join(["[[target]]", *(f"{name} = {json.dumps(value)}" for name, value in entry.items())])
        for entry in entries
    ]
    path.write_text("\n".join(lines))
    return path


def imi(**more: object) -> dict[str, object]:
    return {"name": "imi", "kind": "imiconnect", "accounts": ["a"], "key_file": "key", **more}


def oracle(**more: object) -> dict[str, object]:
    usual = {"name": "risk", "kind": "oracle_risk", "accounts": ["a"], "username": "u", "key_file": "risk"}
    return {**usual, **more}


bases = st.one_of(
    st.sampled_from(
        [
            *(
                "https://h",
                "https://h/",
                "https://h//",
                "https://h/risk-cc",
                "https://h/a/b/",
                "https://u:p@h/",
            ),
            *(
                "https://h?x=y",
                "https://h/#f",
                "http://h",
                "http://127.0.0.1:8",
                "ftp://h",
                "h",
                "",
                "https://",
            ),
            *("https://h/%2e%2e/x", "https://h/..", "https://h/a/../..", "https://h\\x", "https://[::1]:9/x"),
            *(
                "https://h:99999",
                "https://h/?unregisterDevices=true&reset=true",
                "https://h/a;b",
                "https://h/ x",
            ),
        ]
    ),
    st.text(alphabet="htps:/.@?#%2eaf[]:\\ ;&=", max_size=24).map(lambda tail: "https://h" + tail),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bases, st.text(min_size=1, max_size=8))
@example("https://h/?unregisterDevices=true&cancelAllTemporaryAllows=true", "a")
@example("https://h[]@", "0")
@example("https://h/%ff", "a")
def test_whatever_base_is_written_only_the_two_shapes_are_built(folder: Path, base: str, an_id: str) -> None:
    for entry, shape in ((imi(base_url=base), IMI), (oracle(base_url=base), ORACLE)):
        try:
            (target,) = read_targets(written(folder, entry)).values()
            request = connector(target).request(ProfileIds(an_id, an_id, an_id))
        except (TargetsError, UnsafeAddressError):
            continue
        assert request.method == "DELETE"
        assert request.body is None
        assert shape.fullmatch(str(request.url)), str(request.url)


@pytest.mark.parametrize("region", HOSTS)
def test_a_region_stands_for_its_host(folder: Path, region: str) -> None:
    (target,) = read_targets(written(folder, imi(region=region))).values()
    assert str(target.base) == f"https://{HOSTS[region]}"
    assert (target.mode, target.policy) == ("off", "last_device")


def test_no_time_to_answer_is_a_fault_not_all_the_time_there_is(folder: Path) -> None:
    with pytest.raises(TargetsError, match=r"timeout: .*no time at all"):
        read_targets(written(folder, imi(timeout="0s")))


def test_every_fault_is_told_at_once_and_no_secret(folder: Path) -> None:
    (folder / "odd").write_text("not base64!")
    faulty = written(
        folder,
        imi(region="mars"),
        imi(region="eu", key_file="missing"),
        oracle(base_url="https://u:secret@h"),
        oracle(name="risk2", key_file="odd", base_url="https://h"),
    )
    with pytest.raises(TargetsError) as told:
        read_targets(faulty)
    lines = str(told.value).splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "target 1 (imi)",
        "target 2 (imi)",
        "target 2 (imi)",
        "target 3 (risk)",
        "target 4 (risk2)",
    ]
    assert "secret@" not in str(told.value)
    assert "not base64" not in str(told.value)
