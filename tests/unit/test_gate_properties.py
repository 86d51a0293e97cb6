"""What holds of every gate, whatever the numbers: better never hurts, the two models cannot both win, order and silence decide nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import gates
from shared.certificates.certificate import certify
from shared.gating.gate_breaks import passing_certificate
from shared.gating.guard_gates import holm
from shared.gating.verdict import Verdict
from shared.model_yaml.gate_spec import Sanity, Slices
from shared.spec import Gates
from tests.unit.test_gates import FULL, STRICT, a_slice, full_evidence

Path = tuple[str | int, ...]
few = settings(max_examples=20, deadline=None, derandomize=True)

# What each gate decides by, and whether more of it is better (+1) or worse (-1)
GATE_NUMBERS: Mapping[str, Mapping[Path, int]] = {
    "enough_rows": {("rows",): +1},
    "sane_predictions": {("sanity", "not_finite"): -1},
    "no_overlap": {("sanity", "overlap"): -1},
    "floor": {("candidate", "value"): -1},
    "min_gain": {("gain", "lower"): +1},
    "evidence_complete": {("gain", "confidence"): +1},
    "guards": {
        ("guards", "mae", "lower"): +1,
        ("guards", "latency", "lower"): +1,
        ("guards", "mae", "confidence"): +1,
    },
    "slices": {("slices", 0, "p_worse"): +1, ("slices", 1, "p_worse"): +1},
    "holdout_budget": {("gain", "p"): -1},
}
CERTIFICATE_NUMBERS: Mapping[str, Mapping[Path, int]] = {
    "starts": {("start_seconds",): -1},
    "cases_pass": {("cases", "passed"): +1},
    "right_answers": {("boundary", "tried"): +1},
    "fast": {
        ("latency_ms", "p95_upper"): -1,
        ("latency_ms", "p99_upper"): -1,
        ("latency_ms", "requests"): +1,
    },
    "small": {("size_mb",): -1, ("memory_mb",): -1},
}


def each(numbers: Mapping[str, Mapping[Path, int]]) -> list[Any]:
    return [
        pytest.param(gate, path, way, id=f"{gate}-{'.'.join(map(str, path))}")
        for gate, paths in numbers.items()
        for path, way in paths.items()
    ]


def put(document: Any, path: Path, value: object) -> Any:
    name, *below = path
    inner = put(document[name], tuple(below), value) if below else value
    if isinstance(document, list):
        return [inner if place == name else kept for place, kept in enumerate(document)]
    return {**document, name: inner}


def around(path: Path) -> st.SearchStrategy[float]:
    """Numbers on both sides of every limit of this kind."""
    if path[-1] == "overlap":  # more than all rows, or fewer than none, is no overlap
        return st.integers(0, 88).map(float)
    share = path[-1] in ("p", "p_worse", "confidence")
    return st.floats(0, 1) if share else st.floats(-100, 10_000) | st.integers(-3, 400).map(float)


def passes(verdict: Verdict, gate: str) -> bool:
    (found,) = [result for result in verdict.results if result.gate == gate]
    return found.passed


@pytest.mark.parametrize(("gate", "path", "way"), each(GATE_NUMBERS))
@given(data=st.data())
@few
def test_a_better_number_never_turns_a_gates_pass_into_a_hold(
    gate: str, path: Path, way: int, data: st.DataObject
) -> None:
    one, other = data.draw(around(path)), data.draw(around(path))
    worse, better = sorted((one, other), key=lambda value: way * value)

    def asked(value: float) -> bool:
        return passes(gates.judge(FULL, put(full_evidence(), path, value), share=0.5), gate)

    assert asked(better) or not asked(worse)


@pytest.mark.parametrize(("gate", "path", "way"), each(CERTIFICATE_NUMBERS))
@given(data=st.data())
@few
def test_a_better_measure_never_turns_the_certificates_pass_into_a_hold(
    gate: str, path: Path, way: int, data: st.DataObject
) -> None:
    one, other = data.draw(around(path)), data.draw(around(path))
    worse, better = sorted((one, other), key=lambda value: way * value)

    def asked(value: float) -> bool:
        return passes(certify(STRICT, put(passing_certificate(STRICT), path, value)), gate)

    assert asked(better) or not asked(worse)


@given(st.lists(st.floats(0, 1), max_size=6), st.floats(0.001, 0.5), st.floats(0, 0.4))
@few
def test_holm_rejects_more_at_a_higher_level_and_never_less_than_bonferroni(
    chances: list[float], level: float, more: float
) -> None:
    found, wider = holm(chances, level), holm(chances, level + more)
    assert all(later or not before for before, later in zip(found, wider, strict=True))
    assert all(is_rejected or chance > level / len(chances) for chance, is_rejected in zip(chances, found, strict=True))
    assert all(chance <= level for chance, is_rejected in zip(chances, found, strict=True) if is_rejected)


# Swapping the two models


@pytest.mark.parametrize(("metric", "way"), [("mse", "lower"), ("accuracy", "higher")])
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.2))
@few
def test_of_two_models_never_both_replace_each_other_whichever_way_is_better(
    metric: str, way: Any, ours: float, theirs: float, below: float, above: float, minimum: float
) -> None:
    floor = 9.0 if way == "lower" else -9.0
    believed = Sanity(max_jump_percent=0)
    lenient = Gates(metric=metric, direction=way, floor=floor, minimum_gain=minimum, min_rows=1, sanity=believed)
    gain = theirs - ours if way == "lower" else ours - theirs

    def told(value: float, champion: float, mean: float, down: float, up: float) -> dict[str, Any]:
        numbers = {"mean": mean, "lower": mean - down, "upper": mean + up, "confidence": 0.95, "p": 0.0}
        pair = {"candidate": {"value": value}, "champion": {"version": "1", "value": champion}}
        return full_evidence(metric=metric, direction=way, gain=numbers, **pair)

    forth = gates.judge(lenient, told(ours, theirs, gain, below, above)).passed
    back = gates.judge(lenient, told(theirs, ours, -gain, above, below)).passed
    assert not (forth and back)
    assert forth is (gain - below > minimum)
    assert back is (-gain - above > minimum)


# Silence and order


def paths(document: Any, above: Path = ()) -> Iterator[Path]:
    parts = enumerate(document) if isinstance(document, list) else document.items()
    for name, part in parts:
        yield (*above, name)
        if isinstance(part, dict | list):
            yield from paths(part, (*above, name))


def left_out(document: Any, path: Path) -> Any:
    name, *below = path
    if below:
        return put(document, (name,), left_out(document[name], tuple(below)))
    if isinstance(document, list):
        return [part for place, part in enumerate(document) if place != name]
    return {key: part for key, part in document.items() if key != name}


# What of a slice is told to people and decides nothing; that one value of a column is gone nobody can know.
TOLD = {"gain", "lower", "positives", "slice", "rows"}
# What is told to people, and what a stated limit makes needless
NEEDLESS = {("gain", "method"), ("sanity", "copies")}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in paths(full_evidence())
        if not (path[0] == "slices" and path[-1] in {*TOLD, 0, 1}) and path[:2] != ("sanity", "contracts")
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_evidence_that_misses_anything_that_is_asked_never_passes(path: Path) -> None:
    if path in NEEDLESS:
        assert gates.judge(FULL, left_out(full_evidence(), path), share=0.5).passed
    else:
        assert not gates.judge(FULL, left_out(full_evidence(), path), share=0.5).passed


def test_the_order_in_which_slices_are_told_changes_no_answer() -> None:
    slices = [
        a_slice("SEX = 1", p=0.01),
        a_slice("SEX = 2", p=0.03),
        a_slice("SEX = 3", p=0.04),
        a_slice("SEX = 4", rows=5),
    ]
    verdicts = [gates.judge(FULL, full_evidence(slices=[*order]), share=0.5) for order in permutations(slices)]
    assert {verdict.passed for verdict in verdicts} == {False}
    held = {tuple(sorted(verdict.first_failure.numbers.items())) for verdict in verdicts if verdict.first_failure}
    assert held == {(("worse", 1.0),)}


@given(st.permutations([*full_evidence()]))
@few
def test_the_order_in_which_evidence_is_told_changes_no_answer(names: list[str]) -> None:
    evidence = full_evidence()
    assert gates.judge(FULL, {name: evidence[name] for name in names}, share=0.5) == gates.judge(
        FULL, evidence, share=0.5
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.randoms(use_true_random=False))
@few
def test_holm_decides_by_each_chance_and_not_by_its_place(chances: list[float], chance: Any) -> None:
    order = [*range(len(chances))]
    chance.shuffle(order)
    before, after = holm(chances, 0.05), holm([chances[place] for place in order], 0.05)
    assert sorted(zip(chances, before, strict=True)) == sorted(
        zip([chances[place] for place in order], after, strict=True)
    )


def test_a_slice_that_is_asked_for_is_looked_at_by_any_of_its_entries() -> None:
    assert not Slices().asked
    assert all(some.asked for some in (Slices(columns=("A",)), Slices(where=("A > 1",)), Slices(depth=1)))
