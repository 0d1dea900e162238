"""Scenario files: what a person writes becomes messages and truths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulator import catalogue, content
from tests.simulator.message import Listener, Message
from tests.simulator.script import ScriptError, Stage, parse_script, read_script, sample
from tests.simulator.story import Story

LISTENER = Listener("1223334444-00001", ("http://127.0.0.1:1",), "fleet", "now", "before")
BARE = Listener("1223334444-00001", ("http://127.0.0.1:1",))


def played(text: str, listener: Listener = LISTENER) -> Story:
    return Stage(parse_script(text), "story", listener, "seed").story()


def messages(story: Story) -> list[Message]:
    return [delivery.message for wave in story.waves for delivery in wave.deliveries]


def test_labels_stand_for_the_same_thing_within_a_story_and_another_in_the_next() -> None:
    text = 'title="t"\n[[step]]\n[[step]]\nrequest="other"\n[[expect]]\nstate="succeeded"'
    first, second = messages(played(text))
    assert first.request_id != second.request_id
    assert played(text).truths[0].request_id == first.request_id
    assert Stage(parse_script(text), "story", LISTENER, "another seed").story().truths != played(text).truths


def test_steps_follow_each_other_unless_told_to_go_together() -> None:
    text = 'title="t"\n[[step]]\n[[step]]\nwith_previous=true\n[[step]]\npause_s=5'
    assert [(len(wave.deliveries), wave.pause_s) for wave in played(text).waves] == [(2, 0), (1, 5)]


def test_a_count_makes_as_many_devices_under_one_request() -> None:
    story = played('title="t"\n[[step]]\ncount=3\n[[expect]]\ncount=3\nstate="succeeded"')
    assert len({message.request_id for message in messages(story)}) == 1
    assert len({message.body for message in messages(story)}) == 3
    for message, truth in zip(messages(story), story.truths, strict=True):
        assert str(truth.device).encode() in message.body


@pytest.mark.parametrize(
    ("which", "password", "status"),
    [("right", "now", 200), ("previous", "before", 200), ("wrong", "won-not", 403), ("empty", "", 403)],
)
def test_credentials_are_filled_in(which: str, password: str, status: int) -> None:
    (message,) = messages(played(f'title="t"\n[[step]]\ncredentials="{which}"'))
    assert json.loads(message.body)["password"] == password
    assert message.answer == status


def test_absent_credentials_are_absent() -> None:
    (message,) = messages(played('title="t"\n[[step]]\ncredentials="absent"'))
    assert b"assword" not in message.body.replace(b'"deviceCredential":{"username":', b"").split(b"}")[0]


def test_the_printed_sample_goes_out_untouched_to_a_listener_without_credentials() -> None:
    text = catalogue.text_of("vendor-delete")
    (message,) = messages(played(text, BARE))
    assert message.bytes_at(1) == sample("delete_success")
    (filled,) = messages(played(text))
    assert filled.body == sample("delete_success").replace(b'"username":""', b'"username":"fleet"').replace(
        b'"password":""', b'"password":"now"'
    )


def test_a_text_is_sent_as_it_stands_with_its_places_filled_in() -> None:
    story = played("title='t'\n[[step]]\ntext='@request_id@ @username@ @password@ {'")
    (message,) = messages(story)
    assert message.body == f"{message.request_id} fleet now {{".encode()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("title = ", "Invalid value"),
        ('title="t"\n[[step]]\ncolour="red"\ncount=0', "step.0.colour"),
        ('title="t"\n[[step]]\ncolour="red"\ncount=0', "step.0.count"),
        ('title="t"\n[[step]]\nspelling=["curly"]', "curly unknown; there are pascal"),
        ('title="t"', "step: Field required"),
    ],
)
def test_every_fault_of_a_file_is_named(text: str, named: str) -> None:
    with pytest.raises(ScriptError) as raised:
        parse_script(text)
    assert named in str(raised.value)


def test_json_files_mean_the_same(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"title": "t", "step": [{"status": "Warning"}]}))
    assert read_script(path) == parse_script('title="t"\n[[step]]\nstatus="Warning"')


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="No such file"):
        read_script(tmp_path / "none.toml")
    with pytest.raises(ScriptError, match="neither a scenario nor a file"):
        catalogue.stories(str(tmp_path / "none.toml"), LISTENER, "seed")


@pytest.mark.parametrize("name", list(catalogue.scripts()))
def test_every_scenario_promises_something_about_what_it_sends(name: str) -> None:
    (story,) = catalogue.stories(name, LISTENER, "seed")
    sent = {message.request_id for message in messages(story)}
    assert story.truths
    assert {truth.request_id for truth in story.truths} == sent


def test_a_fleet_day_plays_every_scenario_and_is_the_same_for_the_same_seed() -> None:
    day = catalogue.stories(catalogue.FLEET_DAY, LISTENER, "7", operations=40)
    assert {story.name for story in day} == set(catalogue.scripts())
    assert len(day) == 40 + len(catalogue.scripts())
    assert day == catalogue.stories(catalogue.FLEET_DAY, LISTENER, "7", operations=40)
    assert day != catalogue.stories(catalogue.FLEET_DAY, LISTENER, "8", operations=40)


def test_a_day_for_a_listener_without_credentials_tries_no_passwords() -> None:
    day = catalogue.stories(catalogue.FLEET_DAY, BARE, "7", operations=40)
    assert {message.answer for story in day for message in messages(story)} == {200}


def test_stories_of_a_day_share_no_request() -> None:
    day = catalogue.stories(catalogue.FLEET_DAY, LISTENER, "7", operations=40)
    owners = [{message.request_id for message in messages(story)} for story in day]
    assert sum(map(len, owners)) == len(set().union(*owners))


def test_unreadable_means_unreadable() -> None:
    (story,) = catalogue.stories("unreadable", LISTENER, "seed")
    assert content.readable(messages(story)[0].body) is None
