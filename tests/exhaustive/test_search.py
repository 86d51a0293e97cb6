"""Everything that up to eight events from outside can bring about, in every order, with every answer, fault and deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared import chain
from shared.model_yaml.spec_file import load_spec
from tests.exhaustive.properties import is_over_or_told, is_quiet, serves_the_champion
from tests.exhaustive.search import Found, Scope, Search
from tests.exhaustive.small import begin
from tests.exhaustive.steps import INPUTS, Steps
from tests.world import spec_text

SCOPE = Scope({kind: 2 if kind == "drop" else 1 for kind in INPUTS}, most=8)
SUMMARY = Path(__file__).parent / "found.json"


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


def worst(found: Found) -> list[str]:
    """The shortest way to a moment or step at which a property is broken, and which."""
    number, wrong = min(found.broken, default=(0, ""), key=lambda entry: len(found.path(entry[0])))
    return [*found.path(number), wrong] if wrong else []


def without_rest(found: Found, rest: list[int], kinds: tuple[str, ...]) -> list[str]:
    """The way to a moment from which edges of these kinds never lead to one of `rest`."""
    stuck = found.edges.keys() - found.reaching(rest, lambda edge: edge.kind in kinds)
    return found.path(min(stuck)) if stuck else []


def not_serving(found: Found) -> list[str]:
    """The way to a moment at rest whose champion, by the ledger, has not all the traffic."""
    answered = found.reached_from(0, lambda edge: edge.kind != "fault")
    wrong = [n for n in answered if is_quiet(found.moments[n]) and not serves_the_champion(found.moments[n])]
    return found.path(min(wrong)) if wrong else []


@pytest.mark.timeout(900)
def test_the_search_finds_no_broken_promise(subtests: pytest.Subtests) -> None:
    """One search, since it takes minutes, and one test, since two would be given to two workers that both search."""
    found = search()
    print(f"{len(found.edges)} moments, {found.transitions} steps")
    with subtests.test("at no moment and after no step a property is broken"):
        assert worst(found) == []
    with subtests.test("from every moment answers and deadlines lead to rest"):
        quiet = [number for number in found.edges if is_quiet(found.moments[number])]
        assert without_rest(found, quiet, ("answer", "time")) == []
    with subtests.test("deadlines alone end everything but traffic that is still to be given back"):
        over = [number for number in found.edges if is_over_or_told(found.moments[number])]
        assert without_rest(found, over, ("time",)) == []
    with subtests.test("at rest what the ledger calls champion has all the traffic"):
        assert not_serving(found) == []
    with subtests.test("every command that is sent is one that the chain names for its event"):
        named = {(row.event, kind) for row in chain.TABLE for kind in (*row.commands, *chain.FOLLOW_ON)}
        assert found.sent - named == set()
    with subtests.test("the document's diagram is what the search sees"):
        assert json.loads(SUMMARY.read_text()) == summary(found), (
            "run `python -m tests.guarantees` and commit what it writes"
        )
