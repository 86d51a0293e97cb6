"""What declared checks found, told on the page and in the terminal: what was measured, in numbers, or why nothing was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shared.certificates.certificate_story import differences, nist, sections
from shared.certificates.check_story import Importance, importances
from shared.model_yaml.spec_file import load_folder

SPEC = load_folder(Path(__file__).parents[2] / "models" / "diabetes")
CHECKS: dict[str, Any] = {
    "fairness": {
        "measures": {"difference": {"value": 0.1, "lower": 0.02, "upper": 0.18}},
        "words": ["chosen in a: 3 of 9"],
    },
    "importance": {
        "measures": {
            "importance.BMI": {"value": 800.0, "lower": 700.0, "upper": 900.0},
            "importance.AGE": {"value": -2.0, "lower": -8.0, "upper": 4.0},
            "top_share": {"value": 1.0},
        }
    },
    "mine": {"error": "KeyError: 'SEX'"},
}


def told(certificate: dict[str, Any]) -> list[tuple[str, str]]:
    return [fact for part in sections(certificate, None) if part.title.startswith("Checks") for fact in part.facts]


def test_each_check_tells_measures_with_bounds_and_its_words() -> None:
    facts = told({"checks": CHECKS})

    assert facts[:2] == [
        ("fairness", "difference 0.1 (0.02 to 0.18)"),
        ("fairness, in words", "chosen in a: 3 of 9"),
    ]
    assert facts[-1] == ("mine", "nothing was measured: KeyError: 'SEX'")


def test_without_declared_checks_there_is_no_such_section() -> None:
    assert told({"v": 2}) == told({"checks": {}}) == []


def test_what_a_check_found_answers_the_item_that_asks_for_it_and_an_error_answers_nothing() -> None:
    items = {item.item: item.told for item in nist({"checks": CHECKS}, None, SPEC)}
    failed = {item.item: item.told for item in nist({"checks": {"fairness": {"error": "no"}}}, None, SPEC)}

    assert items["MEASURE 2.11"] == "the check fairness found difference 0.1 (0.02 to 0.18)"
    assert items["MEASURE 2.10"] == "not answered by Baton, owner: the model's owner"
    assert failed["MEASURE 2.11"] == "not answered by Baton, owner: the model's owner"


def test_importances_stand_beside_the_champions_where_they_are_kept() -> None:
    attached = {"version": {}, "champion": {"BMI": [500.0, 700.0], "AGE": ["many"]}}
    bmi, age = importances({"checks": CHECKS}, attached)

    assert bmi == Importance("BMI", (800.0, 700.0, 900.0), (600.0, 500.0, 700.0))
    assert age == Importance("AGE", (-2.0, -8.0, 4.0), None)
    assert (bmi.largest, age.largest) == (800.0, 0.0)
    assert importances({"checks": CHECKS})[0].champion is None
    assert importances({}) == ()


def test_two_certificates_differ_by_what_their_checks_measured() -> None:
    other = {"checks": {**CHECKS, "fairness": {**CHECKS["fairness"], "measures": {"difference": {"value": 0.2}}}}}

    assert ("checks.fairness.measures.difference.value", 0.1, 0.2) in differences({"checks": CHECKS}, other)
