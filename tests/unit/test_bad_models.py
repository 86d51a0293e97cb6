"""Bad model code through the whole chain in memory: every end has its reason, what to do next, and leaves nothing open.

The reasons are those that the real steps give; `tests/integration/test_run_training.py` and `test_local_trainer.py` hold them
to the real scripts, and `test_serving_servers.py` holds what a server says.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.errors import MetricMissing, PlatformBusy, RunFailed
from tests.fakes.platform import Outcome
from tests.world import CERTIFIED, World, evidence

MEND = "mend it in models/m/train.py, `baton publish models/m`, then `baton retry m-0001 --why ...`"
TRAINING = {
    "raises": str(RunFailed("train.py failed: RuntimeError: singular", next=MEND)),
    "hangs": "it ran for 300 s, its limit. Next: raise train.max_minutes in model.yaml, or make it faster.",
    "logs no metric": str(MetricMissing("train.py logged no metric", next=MEND)),
    "logs NaN": str(MetricMissing("train.py logged mse = nan", next=MEND)),
    "writes no model": str(RunFailed("train.py wrote no file to its --model-dir", next=MEND)),
    "meets a full disk": str(PlatformBusy("MLflow could not store the model's files: no space left", next="free some")),
}
SILENT_SCORER = {"value": None, "error": "score.py: RuntimeError: no coefficients"}
NO_SERVER = {"v": 1, "error": "score.py raised KeyError: 'weights'"}
SLOW_SERVER = {"v": 1, "error": "not healthy after 61.0 s, of 60 s that it had"}


def judged(**changes: Any) -> Outcome:
    """Evidence for a first candidate, with these entries changed."""
    return Outcome(result={**evidence(3000.0).result, **changes})


def certified(**changes: Any) -> Outcome:
    """A good certificate, with these entries changed."""
    return Outcome(result={**CERTIFIED.result, **changes})


def ends(world: World) -> tuple[str, str, str]:
    """Drop once, let everything happen; the first release's end, its reason and what to do."""
    world.drop("rows")
    world.settle()
    release = world.release("m-0001")
    assert (world.head().building, world.head().shipping, world.endpoints.look("m")) == ("", "", None)
    assert any(json.loads(line)["states"].get("m-0001") == release.state for line in world.app.book.journal("m"))
    return release.state, release.why, release.next


@pytest.mark.parametrize("why", sorted(TRAINING))
def test_a_training_that_fails_ends_the_release_with_its_reason(world: World, why: str) -> None:
    world.trainer.script["train"] = Outcome("failed", TRAINING[why])
    state, told, todo = ends(world)
    assert (state, TRAINING[why] in told) == ("failed", True)
    assert "`baton logs m-0001`" in todo
    assert "`baton retry m-0001 --why ...`" in todo


def test_a_failed_training_is_told_to_its_owner_and_keeps_its_data(world: World) -> None:
    world.trainer.script["train"] = Outcome("failed", TRAINING["raises"])
    ends(world)
    (notice,) = [json.loads(file.read_text()) for file in (world.home / "notices").glob("*.json")]
    assert "train.py failed: RuntimeError: singular" in notice["why"]
    assert "`baton logs m-0001`" in notice["next"]
    world.trainer.script["train"] = Outcome(result={"v": 1, "metrics": {"mse": 1.0}})
    world.drop("more rows")
    world.settle()
    assert (world.release("m-0002").state, world.release("m-0002").files) == ("awaiting approval", 2)


def test_a_training_that_never_ends_fails_at_its_deadline_and_is_stopped(world: World) -> None:
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.wait(timedelta(minutes=30), step=timedelta(minutes=5))
    failed = world.release("m-0001")
    assert (failed.state, bool(failed.next)) == ("failed", True)
    seen = world.trainer.look("m-0001-t-1")
    assert seen is not None
    assert seen.status == "canceled"


def test_a_result_too_large_for_the_journal_fails_the_run_and_is_kept(world: World) -> None:
    metrics = {f"loss_{number}": 0.1 for number in range(5000)}
    world.trainer.script["train"] = Outcome(result={"v": 1, "metrics": metrics})
    state, why, _ = ends(world)
    assert (state, "at most 12000 are taken: log fewer metrics" in why) == ("failed", True)
    (kept,) = world.blobs.names("reports", "m/runs/m-0001-t-2")
    assert json.loads(world.blobs.read("reports", kept))["metrics"] == metrics
    assert f"reports/{kept}" in why


@pytest.mark.parametrize(
    ("outcome", "gate"),
    [
        (judged(candidate=SILENT_SCORER), "evidence_complete: the candidate could not be scored: score.py: RuntimeError"),
        (judged(candidate={"value": float("nan")}), "evidence_complete: the candidate has no mse"),
        (judged(candidate={}), "evidence_complete: the candidate has no mse"),
        (judged(metric="mae"), "evidence_complete"),
        (Outcome(result={"v": 1}), "evidence_complete"),
        (Outcome(), "evidence_complete"),
        (judged(rows=0), "enough_rows"),
        (judged(sanity={"not_finite": 3, "constant": False, "identical": False}), "sane_predictions: 3 predictions"),
        (judged(sanity={"not_finite": 0, "constant": True, "identical": False}), "sane_predictions: the same prediction"),
    ],
)  # fmt: skip
def test_a_candidate_that_cannot_be_judged_is_held_with_its_reason(world: World, outcome: Outcome, gate: str) -> None:
    world.trainer.script["judge"] = outcome
    state, why, todo = ends(world)
    assert (state, why[: len(gate)]) == ("held", gate)
    assert "`baton retry m-0001 --why ...`" in todo or gate == "enough_rows"


@pytest.mark.parametrize(
    ("outcome", "gate"),
    [
        (Outcome(result=NO_SERVER), "starts: the server did not start: score.py raised KeyError: 'weights'"),
        (Outcome(result=SLOW_SERVER), "starts: the server did not start: not healthy after 61.0 s"),
        (certified(start_seconds=75.0), "starts: seconds to the first answer 75, must be at most 60"),
        (certified(cases={"passed": 2, "failed": ["case 3: status 500, must be 200"]}), "cases_pass: 1 of 3 cases failed"),
        (certified(malformed={"not_json": 500}), "refuses_malformed"),
    ],
)  # fmt: skip
def test_a_server_that_does_not_do_is_held_with_what_to_mend(world: World, outcome: Outcome, gate: str) -> None:
    world.trainer.script["certify"] = outcome
    state, why, todo = ends(world)
    assert (state, why[: len(gate)]) == ("held", gate)
    assert todo.startswith("mend score.py")
    assert todo.endswith("`baton publish models/m`, then `baton retry m-0001 --why ...`")


def test_a_staged_server_that_fails_leaves_production_as_it_was(world: World) -> None:
    champion = world.go_live()
    world.endpoints.states["m-0002"] = "failed"
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    failed, seen = world.release("m-0002"), world.endpoints.look("m")
    assert (failed.state, failed.why.startswith("staging did not start")) == ("failed", True)
    assert "mend score.py or requirements.txt" in failed.next
    assert seen is not None
    assert seen.split == {champion: 100}
