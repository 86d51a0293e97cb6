"""A pipeline carries a version on only as a person approved it in Baton: asked of the real API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import approved
from shared.web.site import site
from tests.storybook import USERS, serving, world_with_users
from tests.world import World

TOKEN = next(iter(USERS))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = world_with_users(tmp_path)
    made.publish()
    made.settle()
    made.drop("rows")
    made.settle()
    return made


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with serving(site(world.app)) as address:
        yield address


def test_what_waits_for_a_person_is_not_carried_on_and_what_they_approved_is(
    world: World, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (url, "api://app", "m-0001")
    assert approved.main(asked, TOKEN) == 1
    assert "m-0001 is awaiting approval" in capsys.readouterr().err
    world.decide("m-0001")
    world.settle()
    assert approved.main(asked, TOKEN) == 0
    told = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    row = world.release("m-0001")
    assert told == {"release": row.id, "version": row.version, "certificate": row.certificate}
    assert approved.main((*asked, "99"), TOKEN) == 1
    assert f"is about version {row.version}, not 99" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("release", "fault"),
    [("m-0009", "answered 404: .*There is no release m-0009"), ("m-0001/approve", "is no release")],
)
def test_an_answer_that_says_nothing_of_the_release_is_a_no(url: str, release: str, fault: str) -> None:
    with pytest.raises(SystemExit, match=fault):
        approved.main((url, "api://app", release), TOKEN)


def test_a_sign_in_page_in_place_of_the_release_is_a_no(url: str) -> None:
    with pytest.raises(SystemExit, match="no answer that can be read"):
        approved.release_of(f"{url}/?", TOKEN, "m-0001")


def test_an_app_that_does_not_answer_is_a_no() -> None:
    with pytest.raises(SystemExit, match="nothing is carried on"):
        approved.main(("http://127.0.0.1:9", "api://app", "m-0001"), TOKEN)


GOOD = {"id": "m-0001", "state": "live", "approved_by": "ops", "version": "3", "certificate": "ab"}


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        *(
            ({"state": state}, f"is {state}, must be")
            for state in ("staging", "held", "rejected", "rolled back", "replaced")
        ),
        ({"approved_by": ""}, "nobody approved it"),
        ({"certificate": ""}, "no version with a certificate"),
        ({"version": "3\nversion=4"}, "no version with a certificate"),
    ],
)
def test_one_thing_that_is_missing_is_a_no(broken: dict[str, str], fault: str) -> None:
    assert approved.refusal(GOOD, "3") == ""
    assert fault in approved.refusal({**GOOD, **broken})
