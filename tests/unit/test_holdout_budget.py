"""The error budget of a holdout: what comparisons spend, and what fresh rows give back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import gates
from shared.gating.holdout_budget import Looks, spend
from shared.model_yaml.gate_spec import Holdout
from shared.spec import Gates
from shared.web import reading
from shared.web.reading import one_model
from shared.web.steps import steps
from tests.fakes.platform import Outcome
from tests.unit.test_gates import evidence_of
from tests.world import World, evidence

RULES = Gates(metric="mse", direction="lower", floor=5134.78, holdout=Holdout(error_budget=0.05))


def look(number, rows=100, fresh=0):
    """Evidence of the comparison on holdout number `number`, of whose rows so many are fresh."""
    return {"holdout": f"h{number}", "rows": rows, "rows_new": fresh}


def judged(p, share, **changes):
    """The verdict on a gain that comes by chance with `p`."""
    evidence = evidence_of(holdout="h1", **changes)
    evidence["gain"] = evidence["gain"] | {"p": p}
    return gates.judge(RULES, evidence, share=share)


def test_each_comparison_may_spend_half_of_what_is_left():
    looks, shares = Looks(), []
    for _ in range(4):
        looks, share = spend(looks, look(1))
        shares.append(share)

    assert shares == [0.5, 0.25, 0.125, 0.0625]
    assert looks.looks == 4


def test_fresh_rows_give_back_their_share_of_the_holdout_once():
    empty = Looks(left=0.0, looks=9, seen=("h1",))

    after, share = spend(empty, look(2, rows=200, fresh=50))
    again, less = spend(after, look(2, rows=200, fresh=50))

    assert (share, less) == (0.125, 0.0625)
    assert again.left == pytest.approx(0.0625)


def test_a_holdout_of_fresh_rows_alone_fills_the_budget_and_no_more():
    assert spend(Looks(left=0.9), look(2, fresh=100))[1] == 0.5


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 500), st.integers(-10, 600)), max_size=60))
def test_what_is_spent_is_never_more_than_one_budget_and_what_fresh_rows_gave(many):
    looks, spent, given_back = Looks(), 0.0, 0.0
    for number, rows, fresh in many:
        is_new = f"h{number}" not in looks.seen
        looks, share = spend(looks, look(number, rows, fresh))
        spent += share
        given_back += min(max(fresh / rows, 0.0), 1.0) if is_new else 0.0
        assert 0 <= looks.left <= 1

    assert spent <= 1 + given_back + 1e-9


def test_a_gain_that_the_rest_of_the_budget_pays_for_passes_and_another_is_held_with_both_numbers():
    assert judged(0.02, 0.5).passed
    assert judged(0.02, 0.25).first_failure.why == "such a gain by chance: p 0.02, at most 0.0125 may be spent now"


@pytest.mark.parametrize("share", [None, -1.0, 2.0])
def test_a_comparison_that_nobody_counted_is_held(share):
    assert not judged(0.0, share).passed


@pytest.mark.parametrize("p", [None, -0.1, 1.1, "0"])
def test_a_chance_that_is_none_is_held(p):
    assert not judged(p, 0.5).passed


def test_evidence_that_names_no_holdout_is_held():
    evidence = evidence_of()
    evidence["gain"] = evidence["gain"] | {"p": 0.0}

    assert not gates.judge(RULES, evidence, share=0.5).passed


def test_without_a_champion_nothing_is_spent():
    assert gates.judge(RULES, evidence_of(champion=None, gain=None)).passed


def test_what_is_left_is_told_with_the_rows_that_fill_it():
    assert str(Looks(left=0.25, looks=2, rows=103)) == "25 % is left after 2 comparisons; 78 fresh holdout rows fill it"


# In the ledger


@pytest.fixture
def world(tmp_path):
    """A model whose folder sets an error budget, and whose first version is live."""
    world = World(tmp_path)
    world.publish(holdout="{error_budget: 0.05}")
    world.drop("rows one")
    world.settle()
    world.decide("m-0001")
    world.wait(timedelta(minutes=6))
    assert world.states() == {"m-0001": "live"}
    return world


def compared(p, holdout="h1", fresh=0):
    """How a judge run ends that found a gain which comes by chance with `p`."""
    document = dict(evidence(2500.0, 3000.0).result)
    document["gain"] = document["gain"] | {"p": p}
    return Outcome(result=document | {"holdout": holdout, "rows_new": fresh})


def test_the_first_candidate_spends_nothing(world):
    assert world.head().holdout == Looks()


def test_a_comparison_is_counted_in_the_head_and_told_on_the_release(world):
    world.trainer.script["judge"] = compared(0.03)
    world.drop("rows two")
    world.settle()

    held = world.release("m-0002")
    assert held.state == "held"
    assert "p 0.03, at most 0.025 may be spent now" in held.why
    assert world.head().holdout == Looks(left=0.5, looks=1, rows=80, seen=("h1",))
    assert (held.gain["share"], held.gain["left"]) == (0.5, 0.5)


def test_the_same_gain_is_believed_after_one_comparison_and_not_after_three(world):
    for number in (2, 3, 4):
        world.trainer.script["judge"] = compared(0.9)
        world.drop(f"rows {number}")
        world.settle()
    world.trainer.script["judge"] = compared(0.004)
    world.drop("rows five")
    world.settle()
    assert world.release("m-0005").why == (
        "holdout_budget: such a gain by chance: p 0.004, at most 0.003125 may be spent now"
    )

    world.trainer.script["judge"] = compared(0.004, holdout="h2", fresh=40)
    world.drop("rows six")
    world.settle()
    assert world.release("m-0006").state == "awaiting approval"


def test_the_page_tells_what_the_gate_answered_then_and_what_is_left(world):
    world.trainer.script["judge"] = compared(0.03)
    world.drop("rows two")
    world.settle()
    papers = reading.papers(world.app, world.release("m-0002"))

    (judging,) = [step for step in steps(world.release("m-0002"), papers) if step.state == "judging"]

    assert [gate.answer for gate in judging.gates if gate.gate == "holdout_budget"] == ["hold"]
    told = "50 % of it is left for this holdout after this comparison; 40 fresh holdout rows fill it"
    assert ("error budget", told) in judging.facts
    assert one_model(world.app, "m").view.holdout == "50 % is left after 1 comparison; 40 fresh holdout rows fill it"
