"""Everything that up to eight events from outside can bring about, in every order, with every answer, fault and deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import chain
from shared.spec_file import load_spec
from tests.exhaustive.properties import is_over_or_told, is_quiet, serves_the_champion
from tests.exhaustive.search import Found, Scope, Search
from tests.exhaustive.small import begin
from tests.exhaustive.steps import INPUTS, Steps
from tests.world import spec_text

SCOPE = Scope({kind: 2 if kind == "drop" else 1 for kind in INPUTS}, most=8)
SUMMARY = Path(__file__).parent / "found.json"
pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("exhaustive")]


def search(scope: Scope = SCOPE) -> Found:
    """The whole search: about three minutes of one core with eight events."""
    text = spec_text().replace("steps: [10, 50, 100]", "steps: [50, 100]")
    return Search(Steps(load_spec(text, file="model.yaml"), brisk=True), scope, begin()).run()


def summary(found: Found) -> dict[str, object]:
    """What the document says of it."""
    ways: dict[str, set[str]] = {}
    for change in found.changes:
        ways.setdefault(f"{change.before} -> {change.after}", set()).add(change.event)
    return {
        "moments": len(found.edges),
        "steps": found.transitions,
        "ways": {way: sorted(events) for way, events in sorted(ways.items())},
    }


@pytest.fixture(scope="module")
def found() -> Found:
    """The search, once for all tests."""
    return search()


def test_at_no_moment_and_after_no_step_a_property_is_broken(found: Found) -> None:
    number, wrong = min(found.broken, default=(0, ""), key=lambda entry: len(found.path(entry[0])))
    assert wrong == "", "\n".join([*found.path(number), wrong])


def test_from_every_moment_answers_and_deadlines_lead_to_rest(found: Found) -> None:
    quiet = [number for number in found.edges if is_quiet(found.moments[number])]
    stuck = found.edges.keys() - found.reaching(quiet, lambda edge: edge.kind in ("answer", "time"))
    assert [found.path(number) for number in sorted(stuck)[:1]] == []


def test_deadlines_alone_end_everything_but_traffic_that_is_still_to_be_given_back(found: Found) -> None:
    over = [number for number in found.edges if is_over_or_told(found.moments[number])]
    stuck = found.edges.keys() - found.reaching(over, lambda edge: edge.kind == "time")
    assert [found.path(number) for number in sorted(stuck)[:1]] == []


def test_at_rest_what_the_ledger_calls_champion_has_all_the_traffic(found: Found) -> None:
    answered = found.reached_from(0, lambda edge: edge.kind != "fault")
    wrong = [n for n in answered if is_quiet(found.moments[n]) and not serves_the_champion(found.moments[n])]
    assert [found.path(number) for number in sorted(wrong)[:1]] == []


def test_every_command_that_is_sent_is_one_that_the_chain_names_for_its_event(found: Found) -> None:
    named = {(row.event, kind) for row in chain.TABLE for kind in (*row.commands, *chain.FOLLOW_ON)}
    assert found.sent - named == set()


def test_the_documents_diagram_is_what_the_search_sees(found: Found) -> None:
    print(f"{len(found.edges)} moments, {found.transitions} steps")
    assert json.loads(SUMMARY.read_text()) == summary(found), (
        "run `python -m tests.guarantees` and commit what it writes"
    )
