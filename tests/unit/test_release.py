"""The state machine, driven through the real fold and the real effects over fakes at the ports."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import events
from tests.fakes.platform import Outcome
from tests.world import CERTIFIED, World, evidence


def test_a_drop_becomes_a_release_that_waits_for_approval(world: World) -> None:
    world.drop("rows")
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_an_approved_release_goes_live_and_is_the_champion(world: World) -> None:
    release = world.go_live()
    champion = world.head().champion
    assert champion is not None
    assert (champion.release, champion.version) == (release, "1")
    seen = world.endpoints.look("m")
    assert seen is not None
    assert seen.split == {release: 100}


def test_a_second_delivery_starts_no_second_run(world: World) -> None:
    delivered = world.drop("rows")
    world.settle()
    for _ in range(5):
        world.app.intake.receive(delivered)
        world.settle()
    assert [request.run_id for request in world.trainer.started] == ["m-0001-t-1", "m-0001-j-1", "m-0001-c-1"]


def test_the_same_bytes_under_another_name_are_no_new_data(world: World) -> None:
    world.drop("rows", name="one")
    world.drop("rows", name="two")
    world.settle()
    assert world.head().next_file == 2
    assert world.blobs.tags[("incoming", "m/two.csv")]["baton"] == "accepted"


def test_a_refused_drop_is_quarantined_tagged_and_told(world: World) -> None:
    world.drop("bad rows", name="broken")
    world.settle()
    assert world.blobs.tags[("incoming", "m/broken.csv")]["baton"] == "refused"
    assert any(name.endswith("report.html") for name in world.blobs.names("quarantine", "m/"))
    assert world.states() == {}


def test_a_drop_that_was_overwritten_before_it_was_read_adds_nothing(world: World) -> None:
    first = world.blob_created("m/a.csv", world.blobs.drop("incoming", "m/a.csv", b"one"), 3)
    world.blobs.drop("incoming", "m/a.csv", b"two")
    world.app.intake.receive(first)
    world.settle()
    assert world.head().next_file == 1


def test_a_better_candidate_takes_the_traffic_in_steps(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    shares = [world.endpoints.look("m").split]  # type: ignore[union-attr]
    for _ in range(6):
        world.wait(timedelta(seconds=30))
        shares.append(world.endpoints.look("m").split)  # type: ignore[union-attr]
    seen = [share["m-0002"] for share in shares]
    assert sorted(set(seen)) == [10, 50, 100]
    assert world.states() == {"m-0001": "replaced", "m-0002": "live"}


def test_a_candidate_whose_gain_is_not_proved_is_held_with_its_numbers(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2926.6, 3000.0, lower=-99.6)
    world.drop("more rows")
    world.settle()
    held = world.release("m-0002")
    assert held.state == "held"
    assert held.why == "min_gain: gain 73.4, lower bound -99.6, must be above 0"


def test_evidence_about_another_champion_is_held(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0, version="7")
    world.drop("more rows")
    world.settle()
    assert world.release("m-0002").state == "held"


def test_an_endpoint_that_forgot_its_champion_holds_the_release(world: World) -> None:
    world.go_live()
    world.endpoints._endpoints.clear()
    world.drop("more rows")
    world.settle()
    assert world.release("m-0002").state == "held"
    assert "the ledger saw version 1 live" in world.release("m-0002").why


def test_a_failing_certificate_holds_the_release(world: World) -> None:
    slow = {**CERTIFIED.result, "latency_ms": {"p95_upper": 900.0, "requests": 100, "errors": 0}}
    world.trainer.script["certify"] = Outcome(result=slow)
    world.drop("rows")
    world.settle()
    assert world.release("m-0001").why == "fast: upper bound of p95 in ms 900, must be at most 500"


CHECKED = "{fairness: {limits: {difference: at most 0.2}, max_seconds: 90}}"


def fairness(value: float) -> Outcome:
    """A certificate in which the check `fairness` measured this difference."""
    return Outcome(result={**CERTIFIED.result, "checks": {"fairness": {"measures": {"difference": {"value": value}}}}})


def test_a_declared_check_gets_the_holdout_and_the_champion_and_time_of_its_own(world: World) -> None:
    world.trainer.script["certify"] = fairness(0.1)
    world.publish(checks=CHECKED)
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    judged, certified = (next(r for r in world.trainer.started if r.run_id == f"m-0002-{step}-1") for step in "jc")
    assert certified.inputs["data"] == judged.inputs["data"]
    assert (certified.inputs["champion"], certified.inputs["candidate"]) == ("version:1", "version:2")
    assert certified.max_seconds == judged.max_seconds + 90
    assert world.release("m-0002").state == "awaiting approval"


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        (CERTIFIED, "check_fairness: it was not run"),
        (fairness(0.3), "check_fairness: difference 0.3, must be at most 0.2"),
    ],
)
def test_a_declared_check_that_is_missing_or_beyond_its_limit_holds_the_release(
    world: World, measured: Outcome, why: str
) -> None:
    world.trainer.script["certify"] = measured
    world.publish(checks=CHECKED)
    world.drop("rows")
    world.settle()
    assert (world.release("m-0001").state, world.release("m-0001").why) == ("held", why)


def test_a_failed_run_is_tried_again_under_a_new_name_and_then_given_up(world: World) -> None:
    world.trainer.script["train"] = Outcome("failed", "ZeroDivisionError")
    world.drop("rows")
    world.settle()
    assert [request.run_id for request in world.trainer.started] == ["m-0001-t-1", "m-0001-t-2"]
    failed = world.release("m-0001")
    assert failed.state == "failed"
    assert "ZeroDivisionError" in failed.why
    assert "baton retry m-0001" in failed.next


def test_a_version_registered_by_hand_is_judged_like_any_other(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.register_by_hand()
    world.settle()
    assert world.release("m-0002").state == "awaiting approval"
    assert world.release("m-0002").version == "2"


def test_our_own_registration_opens_no_second_release(world: World) -> None:
    world.drop("rows")
    world.settle()
    event = events.ModelRegistered(id="own", at=world.now, version="1", release="m-0001")
    world.accept("m", event)
    world.settle()
    assert list(world.states()) == ["m-0001"]


def test_a_foreign_version_is_dropped_where_the_spec_says_never(world: World) -> None:
    world.publish(adopt="never")
    world.go_live()
    world.register_by_hand()
    world.settle()
    assert list(world.states()) == ["m-0001"]


def test_a_drift_alert_retrains(world: World) -> None:
    world.go_live()
    world.drift()
    world.settle()
    assert world.release("m-0002").causes[0].kind == "drift"


def test_an_alert_that_names_columns_is_a_cause_that_names_them(world: World) -> None:
    world.go_live()
    world.drift(columns=["BMI", "BP"])
    world.settle()
    assert world.release("m-0002").causes[0].detail == "monitor m, coefficient 0.4: BMI, BP"


def test_worse_performance_is_a_cause_of_its_own(world: World) -> None:
    world.go_live()
    world.drift(signal="performance")
    world.settle()
    (cause,) = world.release("m-0002").causes
    assert (cause.kind, cause.detail) == ("performance", "monitor m, coefficient 0.4, performance")


def test_a_rejected_release_ends_and_its_deployment_is_removed(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.decide("m-0001", approve=False)
    world.settle()
    assert world.states() == {"m-0001": "rejected"}
    assert world.endpoints.look("m").deployments == ()  # type: ignore[union-attr]


def test_nobody_approves_their_own_folder(world: World) -> None:
    world.publish(by="operations", alpha=2)
    world.drop("rows")
    world.settle()
    world.decide("m-0001")
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_a_decision_without_our_signature_changes_nothing(world: World) -> None:
    world.drop("rows")
    world.settle()
    asked = world.release("m-0001")
    forged = events.ApprovalGiven(
        id="forged",
        at=world.now,
        by="operations",
        release=asked.id,
        approve=True,
        version=asked.version,
        evidence=asked.evidence,
        certificate=asked.certificate,
        nonce=asked.nonce,
        mac="00",
    )
    world.accept("m", forged)
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}
    assert '"answer":"refused"' in world.app.book.journal("m")[-1]


def test_silence_expires(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.wait(timedelta(hours=25), step=timedelta(hours=1))
    assert world.states() == {"m-0001": "expired"}


def test_a_run_that_never_ends_fails_at_its_deadline(world: World) -> None:
    world.trainer.script["train"] = Outcome("running")
    world.drop("rows")
    world.settle()
    world.wait(timedelta(minutes=15))
    assert world.states() == {"m-0001": "failed"}
    assert world.trainer.look("m-0001-t-1").status == "canceled"  # type: ignore[union-attr]


def test_a_newer_release_supersedes_one_that_waits_for_approval(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.drop("more rows")
    world.settle()
    assert world.states() == {"m-0001": "superseded", "m-0002": "awaiting approval"}


def test_errors_during_the_roll_out_give_the_traffic_back(world: World) -> None:
    first = world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    world.endpoints.count("m", "m-0002", requests=20, errors=20)
    world.wait(timedelta(minutes=2))
    assert world.states() == {first: "live", "m-0002": "rolled back"}
    assert world.endpoints.look("m").split == {first: 100}  # type: ignore[union-attr]


def _second_live(world: World) -> str:
    world.go_live()
    return world.go_live("more rows", judged=evidence(2500.0, 3000.0))


def test_a_roll_back_serves_the_champion_before(world: World) -> None:
    second = _second_live(world)
    world.ask(events.RollbackRequested)
    world.settle()
    assert world.endpoints.look("m").split == {"m-0001": 100}  # type: ignore[union-attr]
    assert world.release(second).state == "rolled back"
    assert world.head().champion.version == "1"  # type: ignore[union-attr]


def test_a_roll_back_stops_a_running_roll_out_first(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    world.ask(events.RollbackRequested)
    world.settle()
    assert world.states() == {"m-0001": "live", "m-0002": "rolled back"}


def test_a_roll_back_with_nothing_before_it_says_so(world: World) -> None:
    world.go_live()
    world.ask(events.RollbackRequested)
    world.settle()
    assert '"why":"nothing to go back to' in world.app.book.journal("m")[-1]


def test_a_paused_model_records_events_and_goes_on_in_order(world: World) -> None:
    world.ask(events.PauseRequested)
    world.settle()
    world.drop("rows")
    world.wait(timedelta(hours=2), step=timedelta(minutes=30))
    assert world.states() == {}
    world.ask(events.ResumeRequested)
    world.settle()
    assert world.states() == {"m-0001": "awaiting approval"}


def test_an_unreadable_endpoint_holds_and_never_passes(world: World) -> None:
    world.go_live()
    world.drop("more rows")
    world.app.fold.advance("m")
    world.app.performer.perform("m")
    world.endpoints.busy = True
    world.wait(timedelta(minutes=10))
    assert world.release("m-0002").state == "held"
    assert world.head().dead == 1


@pytest.mark.parametrize("kind", ["code", "data"])
def test_the_same_data_and_code_are_not_trained_twice(world: World, kind: str) -> None:
    world.go_live()
    if kind == "code":
        world.publish(alpha=2)
        world.settle()
        world.publish(alpha=1)
    else:
        world.drop("rows", name="copy")
    world.settle()
    trained = [request.run_id for request in world.trainer.started if request.step == "train"]
    assert len(trained) == (2 if kind == "code" else 1)


def test_the_breaker_waits_for_a_person_after_useless_retrains(world: World) -> None:
    world.publish(breaker=2, alpha=3)
    world.go_live()
    world.trainer.script["judge"] = evidence(3000.0, 3000.0)
    for number in range(4):
        world.drop(f"rows {number}")
        world.settle()
    assert world.head().useless == 2
    assert "breaker" in world.head().basket.refused_why
    world.ask(events.RetrainRequested)
    world.settle()
    assert world.head().next_release == 5


def test_a_batch_of_files_makes_one_release(world: World) -> None:
    world.publish(files=0, alpha=4)
    world.settle()
    for number in range(5):
        world.drop(f"rows {number}")
    world.settle()
    assert world.states() == {}
    world.wait(timedelta(minutes=2))
    assert len(world.states()) == 1
    assert world.release("m-0001").files == 5


def test_a_retry_opens_a_new_release(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.decide("m-0001", approve=False)
    world.settle()
    world.ask(events.RetryRequested, release="m-0001")
    world.settle()
    assert world.states() == {"m-0001": "rejected", "m-0002": "awaiting approval"}


def test_traffic_changed_by_hand_during_the_roll_out_holds_it(world: World) -> None:
    world.go_live()
    world.trainer.script["judge"] = evidence(2500.0, 3000.0)
    world.drop("more rows")
    world.settle()
    world.decide("m-0002")
    world.settle()
    world.endpoints.set_traffic("m", {"m-0001": 100}, expected={"m-0001": 90, "m-0002": 10})
    world.wait(timedelta(minutes=2))
    assert world.release("m-0002").state == "held"
