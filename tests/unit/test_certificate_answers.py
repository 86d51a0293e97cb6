"""What each gate of the certificate answers, word for word, and where exactly it begins to hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.certificates.certificate import CERTIFICATE_GATES, FORM_1, certify
from shared.certificates.declared_checks import declared_checks, limit_of, sentence
from shared.gating.gate_breaks import passing_certificate
from shared.model_yaml.gate_spec import Check
from shared.spec import CertificateLimits

STRICT = CertificateLimits(p95_ms=500, start_seconds=60, size_mb=100, p99_ms=900, memory_mb=400)
LOOSE = replace(STRICT, p99_ms=0, memory_mb=0)
ORDER = ["starts", "cases_pass", "refuses_malformed", "right_answers", "invariant", "fast", "recovers", "small"]
FIRST = {
    "v": 1,
    "cases": {"passed": 1, "failed": []},
    "malformed": {"not json": 400},
    "start_seconds": 2.0,
    "latency_ms": {"p95": 500.0, "requests": 59},
    "size_mb": 1.0,
    "model_sha256": "0" * 64,
}


def told(
    gate: str, limits: CertificateLimits = STRICT, base: dict[str, Any] | None = None, **changes: Any
) -> tuple[str, str, dict[str, float]]:
    """A gate's answer to a passing certificate, or to another one, with these changes of or within its parts."""
    document: dict[str, Any] = dict(passing_certificate(STRICT) if base is None else base)
    for part, change in changes.items():
        known = document.get(part)
        document[part] = {**known, **change} if isinstance(known, dict) and isinstance(change, dict) else change
    (found,) = [one for one in certify(limits, document).results if one.gate == gate]
    return found.answer, found.why, dict(found.numbers)


def test_the_gates_of_both_forms_are_asked_in_one_order() -> None:
    assert [*CERTIFICATE_GATES] == [*ORDER, "known_files"]
    assert [one.gate for one in certify(STRICT, {}).results] == [*ORDER, "known_files"]
    older = ["starts", "cases_pass", "refuses_malformed", "fast", "small", "known_files"]
    assert [*FORM_1] == older
    assert [one.gate for one in certify(STRICT, {"v": 1}).results] == older
    assert [one.gate for one in certify(STRICT, {"v": 3}).results] == [*ORDER, "known_files"]


def test_an_empty_certificate_says_of_everything_that_it_was_not_tried() -> None:
    answers = {one.gate: (one.answer, one.why, dict(one.numbers)) for one in certify(STRICT, {}).results}
    assert answers == {
        "starts": ("hold", "seconds to the first answer not known, must be at most 60", {"limit": 60}),
        "cases_pass": ("hold", "the owner's cases were not tried", {}),
        "refuses_malformed": ("hold", "malformed requests were not tried", {}),
        "right_answers": ("hold", "requests at the boundary were not tried", {}),
        "invariant": ("hold", "the declared invariances were not tried", {}),
        "fast": ("hold", "timed requests not known, must be at least 299", {"limit": 299}),
        "recovers": ("hold", "overload was not tried", {}),
        "small": ("hold", "size in MB not known, must be at most 100", {"limit": 100}),
        "known_files": ("hold", "the certificate does not say which files it is about", {}),
    }


def test_a_certificate_at_every_limit_passes_and_tells_what_was_measured() -> None:
    answers = {one.gate: (one.answer, one.why, dict(one.numbers)) for one in _passing()}
    assert answers == {
        "starts": ("pass", "seconds to the first answer 60, must be at most 60", {"value": 60, "limit": 60}),
        "cases_pass": ("pass", "1 cases passed", {"passed": 1, "failed": 0}),
        "refuses_malformed": ("pass", "1 malformed requests refused", {}),
        "right_answers": ("pass", "1 requests at the boundary got a right answer or a clear refusal", {}),
        "invariant": ("pass", "no invariance is declared", {}),
        "fast": (
            "pass",
            "upper bound of p95 in ms 500, must be at most 500; upper bound of p99 in ms 900, must be at most 900",
            {"value": 500, "limit": 500},
        ),
        "recovers": ("pass", "it answers again after 1 requests a second", {}),
        "small": (
            "pass",
            "size in MB 100, must be at most 100; memory in MB 400, must be at most 400",
            {"value": 100, "limit": 100},
        ),
        "known_files": ("pass", "the model's files have SHA-256 000000000000", {}),
    }


def _passing() -> Any:
    return certify(STRICT, passing_certificate(STRICT)).results


@pytest.mark.parametrize(
    ("gate", "changes", "why", "numbers"),
    [
        ("starts", {"error": "KeyError in init()"}, "the server did not start: KeyError in init()", {}),
        (
            "starts",
            {"start_seconds": 60.5},
            "seconds to the first answer 60.5, must be at most 60",
            {"value": 60.5, "limit": 60},
        ),
        ("cases_pass", {"cases": {"failed": None}}, "the owner's cases were not tried", {}),
        ("cases_pass", {"cases": {"passed": None}}, "the owner's cases were not tried", {}),
        (
            "cases_pass",
            {"cases": {"passed": 3, "failed": ["a: 500", "b: 400"]}},
            "2 of 5 cases failed: a: 500",
            {"passed": 3, "failed": 2},
        ),
        (
            "cases_pass",
            {"cases": {"passed": 0}},
            "there is no case: at least 1 is needed",
            {"passed": 0, "failed": 0},
        ),
        ("refuses_malformed", {"malformed": None}, "malformed requests were not tried", {}),
        (
            "refuses_malformed",
            {"malformed": {"a": 399, "b": 500, "c": None, "d": True}},
            "malformed requests must get 400 to 499: a got 399, b got 500, c got None, d got True",
            {},
        ),
        ("refuses_malformed", {"refusals": None}, "it is not known whether refusals are right", {}),
        ("refuses_malformed", {"refusals": {"broken": ["x", "y"]}}, "x", {"broken": 2}),
        ("right_answers", {"boundary": {"tried": 0}}, "requests at the boundary were not tried", {}),
        ("right_answers", {"boundary": {"broken": None}}, "it is not known whether boundary are right", {}),
        ("right_answers", {"boundary": {"broken": ["x"]}}, "x", {"broken": 1}),
        ("invariant", {"invariances": {"declared": None}}, "the declared invariances were not tried", {}),
        ("invariant", {"invariances": {"tried": None}}, "the declared invariances were not tried", {}),
        ("invariant", {"invariances": {"broken": None}}, "it is not known whether invariances are right", {}),
        ("invariant", {"invariances": {"broken": ["x"]}}, "x", {"broken": 1}),
        (
            "fast",
            {"latency_ms": {"requests": 298}},
            "timed requests 298, must be at least 299",
            {"value": 298, "limit": 299},
        ),
        (
            "fast",
            {"latency_ms": {"errors": 1}},
            "good requests under load without status 200: 1, must be 0",
            {},
        ),
        (
            "fast",
            {"latency_ms": {"errors": None}},
            "good requests under load without status 200: not known, must be 0",
            {},
        ),
        (
            "fast",
            {"latency_ms": {"p95_upper": 500.5}},
            "upper bound of p95 in ms 500.5, must be at most 500",
            {"value": 500.5, "limit": 500},
        ),
        (
            "fast",
            {"latency_ms": {"p99_upper": 900.5}},
            "upper bound of p99 in ms 900.5, must be at most 900",
            {"value": 900.5, "limit": 900},
        ),
        ("recovers", {"overload": {"recovered": False}}, "it does not answer after overload", {}),
        ("recovers", {"overload": {"recovered": 1}}, "overload was not tried", {}),
        ("recovers", {"overload": {"per_second": None}}, "overload was not tried", {}),
        ("small", {"size_mb": 100.5}, "size in MB 100.5, must be at most 100", {"value": 100.5, "limit": 100}),
        ("small", {"memory_mb": 400.5}, "memory in MB 400.5, must be at most 400", {"value": 400.5, "limit": 400}),
        ("known_files", {"model_sha256": "A" * 64}, "the certificate does not say which files it is about", {}),
        ("known_files", {"model_sha256": "0" * 65}, "the certificate does not say which files it is about", {}),
    ],
)
def test_what_is_missing_broken_or_beyond_a_limit_holds_in_these_words(
    gate: str, changes: dict[str, Any], why: str, numbers: dict[str, float]
) -> None:
    assert told(gate, **changes) == ("hold", why, numbers)


@pytest.mark.parametrize(
    ("gate", "changes", "why"),
    [
        ("refuses_malformed", {"malformed": {"a": 400, "b": 499}}, "3 malformed requests refused"),
        (
            "right_answers",
            {"boundary": {"tried": 7, "broken": ()}},
            "7 requests at the boundary got a right answer or a clear refusal",
        ),
        (
            "invariant",
            {"invariances": {"declared": 2, "tried": 9}},
            "2 invariances hold in 9 comparisons",
        ),
        ("recovers", {"overload": {"per_second": 33.5}}, "it answers again after 33.5 requests a second"),
        ("known_files", {"model_sha256": "0123456789abcdef" * 4}, "the model's files have SHA-256 0123456789ab"),
    ],
)
def test_what_was_measured_is_told_where_it_passes(gate: str, changes: dict[str, Any], why: str) -> None:
    assert told(gate, **changes) == ("pass", why, {})


@pytest.mark.parametrize("malformed", [{}, ["not json"], "400", None])
def test_malformed_requests_must_have_been_tried_by_name(malformed: object) -> None:
    found = told("refuses_malformed", base=passing_certificate(STRICT) | {"malformed": malformed})
    assert found == ("hold", "malformed requests were not tried", {})


def test_cases_that_pass_are_counted() -> None:
    expected = ("pass", "2 cases passed", {"passed": 2, "failed": 0})
    assert told("cases_pass", cases={"passed": 2, "failed": ()}) == expected


def test_without_a_limit_for_p99_and_memory_they_are_not_asked() -> None:
    p95 = ("pass", "upper bound of p95 in ms 500, must be at most 500", {"value": 500, "limit": 500})
    assert told("fast", LOOSE, latency_ms={"requests": 59, "p99_upper": None}) == p95
    assert told("fast", LOOSE, latency_ms={"requests": 58})[1] == "timed requests 58, must be at least 59"
    assert told("fast", replace(LOOSE, p99_ms=0.5), latency_ms={"requests": 298})[1].endswith("at least 299")
    size = ("pass", "size in MB 100, must be at most 100", {"value": 100, "limit": 100})
    assert told("small", LOOSE, memory_mb=None) == size
    assert told("small", replace(LOOSE, memory_mb=0.5), memory_mb=0.4)[1].endswith(
        "memory in MB 0.4, must be at most 0.5"
    )
    assert told("fast", replace(LOOSE, p99_ms=0.5), latency_ms={"p99_upper": 0.4})[0] == "pass"
    assert told("fast", replace(LOOSE, p99_ms=0.5), latency_ms={"p99_upper": 0.6})[0] == "hold"


def test_a_lost_p95_or_size_is_told_alone() -> None:
    slow = told("fast", latency_ms={"p95_upper": 501, "p99_upper": 901})
    assert slow[1] == "upper bound of p95 in ms 501, must be at most 500"
    assert told("small", size_mb=101, memory_mb=401)[1] == "size in MB 101, must be at most 100"


def test_a_certificate_of_form_1_is_told_by_what_it_has() -> None:
    answers = {one.gate: (one.answer, one.why) for one in certify(STRICT, FIRST).results}
    assert answers["refuses_malformed"] == ("pass", "1 malformed requests refused")
    assert answers["fast"] == ("pass", "p95 in ms 500, must be at most 500")
    few = told("fast", base=FIRST, latency_ms={"requests": 58})
    assert few == ("hold", "timed requests 58, must be at least 59", {"value": 58, "limit": 59})
    assert told("fast", base=FIRST, latency_ms=None)[1] == "timed requests not known, must be at least 59"
    unknown = told("fast", base=FIRST, latency_ms={"p95": None})
    assert unknown == ("hold", "p95 in ms not known, must be at most 500", {"limit": 500})


# Declared checks

FAIR = Check(limits={"difference": "at most 0.2", "ratio": "at least 0.8"})


def checked(measures: dict[str, Any], check: Check = FAIR, **more: Any) -> tuple[str, str, dict[str, float]]:
    (found,) = declared_checks({"fair": check}, {"checks": {"fair": {"measures": measures, **more}}})
    assert found.gate == "check_fair"
    return found.answer, found.why, dict(found.numbers)


def interval(value: float, lower: float, upper: float) -> dict[str, float]:
    return {"value": value, "lower": lower, "upper": upper}


def test_all_kept_limits_are_told_and_the_first_ones_numbers() -> None:
    good = {"difference": interval(0.1, 0.0, 0.2), "ratio": interval(0.9, 0.8, 1.0)}
    why = "upper bound of difference 0.2, must be at most 0.2; lower bound of ratio 0.8, must be at least 0.8"
    assert checked(good) == ("pass", why, {"value": 0.2, "limit": 0.2})
    by_value = replace(FAIR, judge="values")
    assert checked(good, by_value)[1] == "difference 0.1, must be at most 0.2; ratio 0.9, must be at least 0.8"


@pytest.mark.parametrize(
    ("part", "difference"),
    [
        ("lies outside its own bounds", interval(0.1, 0.11, 0.2)),
        ("lies outside its own bounds", interval(0.1, 0, 0.09)),
    ],
)
def test_a_measure_outside_its_bounds_is_no_measure(part: str, difference: dict[str, float]) -> None:
    assert checked({"difference": difference}) == ("hold", f"difference 0.1 {part}", {})


def test_a_measure_on_its_own_bound_is_one() -> None:
    assert checked({"difference": interval(0.1, 0.1, 0.1), "ratio": interval(0.8, 0.8, 0.8)})[0] == "pass"


@pytest.mark.parametrize(
    ("check", "measures", "more", "why"),
    [
        (Check(limits={}), {}, {}, "it has no limit, so it decides nothing"),
        (Check(limits={"a": "small"}), {"a": {"value": 1}}, {}, "a: 'small' is no limit"),
        (FAIR, {"difference": 0.1}, {}, "difference was not measured, must be at most 0.2"),
        (FAIR, {"difference": {}}, {}, "difference is no finite number, must be at most 0.2"),
        (FAIR, {}, {"error": "gone"}, "nothing was measured: gone"),
        (FAIR, {"difference": {"value": 0.3}}, {}, "difference 0.3, must be at most 0.2"),
        (FAIR, {"difference": {"value": 0.2}, "ratio": {"value": 0.79}}, {}, "ratio 0.79, must be at least 0.8"),
    ],
)
def test_a_check_holds_with_the_first_reason(
    check: Check, measures: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    assert checked(measures, check, **more)[:2] == ("hold", why)


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ("at most 5", ("most", 5.0)),
        ("at least +5.25", ("least", 5.25)),
        ("at most -1e-3", ("most", -0.001)),
        ("at most 1e+3", ("most", 1000.0)),
        ("AT MOST 5", None),
        ("at most .5", None),
        ("at most 5E3", None),
        ("at most 1.2.3", None),
        (" at most 5", None),
    ],
)
def test_a_limit_is_read_or_it_is_none(words: str, limit: tuple[str, float] | None) -> None:
    assert limit_of(words) == limit


def test_a_check_is_read_out_with_limits_parameters_and_what_is_held_against_them() -> None:
    by = "its bound of the 95 % interval, where it has one"
    limits = "difference at most 0.2, ratio at least 0.8"
    assert sentence("fair", FAIR) == f"the check fair finds {limits}, each by {by}"
    named = replace(FAIR, parameters={"by": "SEX", "of": "AGE"}, judge="values")
    assert sentence("fair", named) == f"the check fair (by SEX, of AGE) finds {limits}, each by its value"
