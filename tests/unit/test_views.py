"""The read model: what rows and journal lines look like to people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.events import PauseRequested, RollbackRequested
from shared.journaling import journal
from shared.state import STATES
from shared.web import chart, reading, steps, story, views
from shared.web.person import Person
from tests.storybook import storied
from tests.world import World, evidence

ASKED, APPROVED_FIRST = "diabetes-0002", "diabetes-0001"


@pytest.fixture
def told(tmp_path: Path) -> World:
    """The storybook's three models."""
    return storied(tmp_path)


def view(world: World, model: str) -> views.ModelView:
    return reading.one_model(world.app, model).view


def step(world: World, release: str, state: str) -> steps.Step:
    found = world.release(release)
    return next(step for step in steps.steps(found, reading.papers(world.app, found)) if step.state == state)


# The first sentence


def test_nothing_needs_you_where_nothing_waits_for_a_person(world: World) -> None:
    assert views.need([view(world, "m")], Person("operations")) == views.Need("Nothing needs you", 0, "ok")


def test_an_approver_reads_that_a_release_waits_for_their_approval(told: World) -> None:
    need = views.need([view(told, "diabetes")], Person("operations"))
    assert need == views.Need("1 release waits for your approval", 1, "held")


def test_somebody_else_reads_that_it_waits_for_somebody_else(told: World) -> None:
    assert (
        views.need([view(told, "diabetes")], Person("guest")).sentence == "1 release waits for somebody else's approval"
    )


def test_who_is_not_signed_in_reads_that_it_waits_for_approval(told: World) -> None:
    assert views.need([view(told, "diabetes")], None).sentence == "1 release waits for approval"


def test_an_author_is_not_asked_to_approve_their_own_release(told: World) -> None:
    (wait,) = view(told, "diabetes").waiting
    assert not replace(wait, author="operations").is_for(Person("operations"))


def test_a_failed_release_and_its_dead_letter_need_somebody(told: World) -> None:
    need = views.need([view(told, "churn")], Person("operations"))
    assert need == views.Need("1 release failed, 1 dead letter must be looked at", 2, "fail")


# A model


def test_a_model_says_what_serves_and_how_the_last_release_ended(told: World) -> None:
    assert (view(told, "wine").status, view(told, "wine").state) == ("serving", "version 1 serves; wine-0002 was held")


def test_a_model_without_data_says_that_it_waits_for_data(world: World) -> None:
    assert view(world, "m").state == "nothing serves yet, waiting for data"


def test_a_paused_model_says_who_paused_it_and_why(world: World) -> None:
    world.ask(PauseRequested)
    world.settle()
    assert (view(world, "m").status, view(world, "m").state) == ("paused", "paused by operations: because")


def test_a_wait_names_its_owner_and_deadline(told: World) -> None:
    (wait,) = view(told, "diabetes").waiting
    release = told.release(ASKED)
    assert (wait.of, wait.what, wait.owner, wait.until) == (ASKED, "awaiting approval", "operations", release.deadline)


def test_a_full_basket_says_why_it_waits(world: World) -> None:
    world.publish(files=2, quiet=600)
    world.settle()
    world.drop("one file")
    world.settle()
    basket = view(world, "m").basket
    assert (basket.files, basket.rows, basket.why) == (1, 100, "1 new files, waiting for 600 s of quiet")


def test_a_roll_back_under_way_is_a_wait_with_a_deadline(world: World) -> None:
    world.go_live("one")
    world.go_live("two", judged=evidence(2000.0, 3000.0, lower=10.0))
    world.ask(RollbackRequested)
    world.app.fold.advance("m")
    wait = next(wait for wait in view(world, "m").waiting if wait.of == "roll-back")
    assert wait.until == world.now + timedelta(minutes=10)


def test_every_state_has_a_look_of_its_own_kind() -> None:
    looks = {state: views.kind_of(state) for state in STATES}
    assert {state for state, kind in looks.items() if kind == "ok"} == {"live"}
    assert {state for state, kind in looks.items() if kind == "fail"} == {"failed"}
    assert {state for state, kind in looks.items() if kind == "idle"} == {"replaced", "superseded"}


# The story


def lines(world: World, model: str) -> list[story.Line]:
    return [journal.read(line) for line in world.app.book.journal(model)]


def test_a_release_has_its_own_sentences_in_order(told: World) -> None:
    what = [entry.what for entry in story.story(lines(told, "wine"), "wine-0002")]
    wanted = [
        "release opened",
        "run started for training",
        "candidate trained",
        "run started for judging",
        "release held",
    ]
    assert what == wanted


def test_a_sentence_carries_rule_numbers_and_actor(told: World) -> None:
    held = story.story(lines(told, "wine"), "wine-0002")[-1]
    assert (held.rule, held.actor) == ("min_gain", "Baton")
    assert held.numbers == {"gain": pytest.approx(73.4), "lower": -99.6, "limit": 0.0}


def test_a_persons_decision_is_told_with_their_name_and_reason(told: World) -> None:
    approved = next(t for t in story.story(lines(told, "wine"), "wine-0001") if t.what.startswith("release approved"))
    assert (approved.actor, approved.why) == ("operations", "looks right")


def test_a_decision_that_changed_nothing_is_told_with_the_reason(told: World) -> None:
    told.decide(ASKED, by="guest", model="diabetes")
    told.settle("diabetes")
    last = story.story(lines(told, "diabetes"), ASKED)[-1]
    assert (last.what, last.actor) == ("approval given changed nothing", "guest")
    assert last.why == f"guest may not decide on {ASKED}: approvers are operations"


def test_a_refused_drop_links_its_report(told: World) -> None:
    refused = next(t for t in story.latest(lines(told, "diabetes"), 100) if t.what == "drop refused")
    assert refused.report.startswith("quarantine/diabetes/")


def test_the_story_of_an_old_release_is_found_in_a_long_journal(world: World) -> None:
    release = world.go_live("one")
    for number in range(reading.LINES_A_PAGE // 3):
        world.drop(f"bad {number}")
    world.settle()
    told = story.story(reading.lines_of(world.app, world.release(release)), release)
    assert [told[0].what, told[-1].what] == ["release opened", "release live"]
    assert world.head().next_line > reading.LINES_A_PAGE


# The steps


def test_the_step_that_waits_is_marked_and_the_later_ones_are_ahead(told: World) -> None:
    found = told.release(ASKED)
    standing = {step.state: step.standing for step in steps.steps(found, reading.papers(told.app, found))}
    assert standing["awaiting approval"] == "waiting"
    assert {standing["training"], standing["staging"]} == {"done"}
    assert {standing["rolling out"], standing["live"]} == {"ahead"}


def test_the_step_where_a_release_ended_shows_the_gate_that_held(told: World) -> None:
    judging = step(told, "wine-0002", "judging")
    held = [gate for gate in judging.gates if not gate.passed]
    assert judging.standing == "ended"
    assert [gate.why for gate in held] == ["gain 73.4, lower bound -99.6, must be above 0"]


def test_numbers_stand_beside_their_limits(told: World) -> None:
    facts = dict(step(told, ASKED, "judging").facts)
    assert facts["candidate's mse"] == "2950.1, at most 5000"
    assert facts["holdout rows"] == "88, at least 15"


def test_a_live_release_is_done_with_every_step(told: World) -> None:
    found = told.release(APPROVED_FIRST)
    assert {step.standing for step in steps.steps(found, reading.papers(told.app, found))} == {"done"}


def test_an_adopted_version_needs_no_training(world: World) -> None:
    world.drop("rows")
    world.settle()
    world.register_by_hand()
    world.decide("m-0001", approve=False)
    world.settle()
    assert step(world, "m-0002", "training").standing == "skipped"


# The gain


def test_the_interval_is_drawn_in_order_with_zero_inside() -> None:
    drawn = chart.gain_chart({"gain": 73.4, "lower": -99.6, "upper": 246.4}, limit=0.0, confidence=0.95)
    assert drawn is not None
    assert drawn.lower < drawn.zero < drawn.mean < drawn.upper <= drawn.width
    assert not drawn.passes


def test_the_drawing_says_in_words_what_it_shows() -> None:
    drawn = chart.gain_chart({"gain": 73.4, "lower": -99.6, "upper": 246.4}, limit=5.0, confidence=0.975)
    assert drawn is not None
    assert drawn.says == "gain 73.4, from −99.6 to 246.4, each end with 97.5% confidence; its lower end must be above 5"


@pytest.mark.parametrize("gain", [{}, {"gain": 1.0}, {"gain": 1.0, "lower": float("nan"), "upper": 2.0}])
def test_without_a_whole_interval_there_is_no_drawing(gain: dict[str, float]) -> None:
    assert chart.gain_chart(gain, limit=0.0, confidence=0.95) is None
