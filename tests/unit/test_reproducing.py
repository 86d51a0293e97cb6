"""A version trained once more: as a run of its own that opens no release, kept, and shown with the certificate."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from shared import wiring
from shared.certificates.reproducing import reproduce, reproductions, told
from shared.errors import Permanent, RunFailed
from shared.platforms.local import LocalTrainer
from shared.web.site import site
from tests.fakes.platform import Outcome
from tests.world import World

SAME = {"v": 1, "answer": "same bytes", "files": {"same": 1, "differ": []}, "predictions": {"rows": 9, "differ": 0}}
OTHER = {
    "v": 1,
    "answer": "differs",
    "files": {"same": 0, "differ": ["w.json"]},
    "predictions": {"rows": 9, "differ": 9, "largest": 0.25},
    "provenance": [["environment.python", "3.11.7", "3.12.1"]],
}


def again(world: World, outcome: Outcome, release: str = "m-0001") -> tuple[object, str]:
    world.trainer.script["reproduce"] = outcome
    found = world.release(release)
    spec = world.app.parts.rules("m", found.folder)
    return reproduce(world.trainer, world.blobs, found, spec, pause=lambda seconds: None)


def test_it_trains_on_the_version_of_the_data_and_compares_with_the_registered_version(world: World) -> None:
    world.go_live()
    result, report = again(world, Outcome(result=SAME))
    trained, started = world.trainer.started[0], world.trainer.started[-1]

    assert (started.run_id, started.step, started.folder) == ("m-0001-r-1", "reproduce", trained.folder)
    assert started.inputs == {"data": trained.inputs["data"], "candidate": "version:1"}
    assert started.parameters == trained.parameters
    assert (result, report.rsplit("-", 1)[0]) == (SAME, "reports/m/runs/m-0001-r-1")


def test_its_end_opens_no_release_and_changes_none(world: World) -> None:
    world.go_live()
    again(world, Outcome(result=SAME))
    before = world.states()
    world.announce_runs()
    world.settle()

    assert world.states() == before == {"m-0001": "live"}


def test_asked_again_it_is_another_run_and_both_are_shown(world: World) -> None:
    world.go_live()
    again(world, Outcome(result=SAME))
    world.trainer.script["m-0001-r-1"] = Outcome(result=SAME)
    again(world, Outcome(result=OTHER))

    assert [told(result) for result in reproductions(world.blobs, world.release("m-0001"))] == [
        "the same model, byte for byte",
        "the model differs in w.json; 9 of 9 predictions differ, by at most 0.25; "
        "made of something else: environment.python 3.11.7 -> 3.12.1",
    ]


@pytest.mark.parametrize(
    ("then", "said"), [("mcr/a:1", "mcr/a:1 -> mcr/a:2"), (None, "not told -> mcr/a:2")], ids=["other", "older"]
)
def test_another_image_is_told_also_where_the_model_is_the_same(then: str | None, said: str) -> None:
    """A version that was trained before images were told has none."""
    found = told({**SAME, "provenance": [["environment.image", then, "mcr/a:2"]]})
    assert found == f"the same model, byte for byte; made of something else: environment.image {said}"


def test_the_page_of_the_certificate_shows_what_came_of_it(world: World) -> None:
    world.go_live()
    again(world, Outcome(result=SAME))

    async def ask() -> str:
        inside = httpx.ASGITransport(app=site(world.app))
        async with httpx.AsyncClient(transport=inside, base_url=world.app.settings.url) as client:
            return (await client.get("/releases/m-0001/certificate")).text

    assert "<li>the same model, byte for byte</li>" in asyncio.run(ask())


def test_while_a_run_goes_it_is_waited_for_and_no_second_one_starts(world: World) -> None:
    world.go_live()
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            world.trainer.end("m-0001-r-1", Outcome(result=SAME))

    found = world.release("m-0001")
    world.trainer.script["reproduce"] = Outcome("running")
    world.trainer.start(replace(world.trainer.started[0], run_id="m-0001-r-1", step="reproduce"))  # by who asked before
    reproduce(world.trainer, world.blobs, found, world.app.parts.rules("m", found.folder), pause=pause)

    assert [run.run_id for run in world.trainer.started if run.step == "reproduce"] == ["m-0001-r-1"]
    assert len(waits) == 3


def test_a_run_that_fails_says_why_and_keeps_nothing(world: World) -> None:
    world.go_live()
    with pytest.raises(RunFailed, match="run m-0001-r-1 failed: out of memory"):
        again(world, Outcome("failed", "out of memory"))

    assert reproductions(world.blobs, world.release("m-0001")) == ()


def test_what_baton_did_not_train_cannot_be_trained_again(world: World) -> None:
    world.go_live()
    world.app.intake.receive(world.register_by_hand())
    world.settle()

    with pytest.raises(Permanent, match="m-0002 has no version that a run of ours trained"):
        again(world, Outcome(result=SAME), "m-0002")
    assert not [run for run in world.trainer.started if run.step == "reproduce"]


def test_a_run_that_the_command_line_starts_gets_the_settings_of_the_running_laptop(world: World) -> None:
    laptop = {"BATON_DATA": "the laptop's account", "MLFLOW_TRACKING_URI": "the laptop's server"}
    trainer, _, _ = wiring.platform(world.app.settings, world.blobs, laptop)

    assert isinstance(trainer, LocalTrainer)
    assert {name: trainer._environment[name] for name in laptop} == laptop
