"""A certificate told to people: nothing is claimed that was not measured, and every item has an answer or an owner."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.certificates.certificate_diff import Side, fact_changes
from shared.certificates.certificate_story import annex_iv, differences, nist, sections
from shared.certificates.statement import About
from shared.model_yaml.spec_file import load_folder
from tests.world import CERTIFIED

SPEC = load_folder(Path(__file__).parents[2] / "models" / "diabetes")
ISSUED = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABOUT = About(
    model="m",
    version="3",
    release="m-0003",
    folder="f" * 16,
    run="m-0003-c-1",
    model_sha256="ab" * 32,
    issued_at=ISSUED,
    expires_at=ISSUED + timedelta(days=90),
    manifest="m/versions/ab.json",
)
MEASURED = {
    **CERTIFIED.result,
    "latency_ms": {
        "p95": 2.0,
        "p95_upper": 2.5,
        "intervals": {"p95": [1.5, None]},
        "requests": 300,
        "per_second": 50.0,
    },
}


def told(certificate=MEASURED, about=ABOUT):
    return {label: value for section in sections(certificate, about) for label, value in section.facts}


def test_the_facts_are_the_measured_ones_with_their_bounds():
    assert told()["p95 of the latency"] == "2 ms (95 % interval 1.5 to not bounded)"
    assert told()["the owner's cases"] == "3 passed, 0 failed"
    assert told()["expires"] == "2026-05-30 12:00 UTC"
    assert told()["commit"] == "not known"


def test_what_was_not_measured_is_not_told():
    assert set(told({"v": 2, "error": "KeyError"}, None)) == {"version", "SHA-256 of its files", "signature", "server"}


def test_a_first_fault_is_shown_where_it_is_counted():
    broken = {**MEASURED, "boundary": {"tried": 9, "broken": ["AGE is null: status 500"]}}

    assert told(broken)["requests at the boundary"] == "9 tried, 1 broken (AGE is null: status 500)"


@pytest.mark.parametrize("framework", [annex_iv, nist])
@pytest.mark.parametrize(("certificate", "about"), [(MEASURED, ABOUT), ({}, None)])
def test_every_item_has_an_answer_or_an_owner(framework, certificate, about):
    for item in framework(certificate, about, SPEC):
        assert item.answer or item.owner, item


def test_all_nine_points_of_annex_iv_are_there():
    assert {item.item for item in annex_iv(MEASURED, ABOUT, SPEC)} == {str(point) for point in range(1, 10)}


def test_nothing_measured_answers_no_measurement():
    unmeasured = {item.item: item.told for item in nist({}, None, SPEC)}

    assert unmeasured["MEASURE 2.5"] == "not answered by Baton, owner: the model's owner"
    assert unmeasured["MEASURE 2.7"] == "not answered by Baton, owner: the model's owner"


def test_what_measurements_answer_names_their_numbers():
    answers = {item.item: item.told for item in nist(MEASURED, ABOUT, SPEC)}

    assert answers["MEASURE 2.3"] == "p95 is at most 2.5 ms with 95 % confidence, on the server that will serve"
    assert answers["MEASURE 2.5"].endswith("signed 2026-03-01")


def test_two_certificates_differ_where_an_entry_differs():
    other = {**MEASURED, "size_mb": 7.0, "cases": {"passed": 2, "failed": []}}

    assert differences(MEASURED, other) == [("cases.passed", 3, 2), ("size_mb", 0.1, 7.0)]
    assert differences(MEASURED, MEASURED) == []


def test_the_certificate_without_a_signature_says_so():
    assert told(MEASURED, None)["signature"].startswith("none")
    assert "release" not in told(MEASURED, None)
    assert told(MEASURED, replace(ABOUT, commit="abc+changed"))["commit"] == "abc+changed"


def test_a_search_and_a_warm_start_are_told_where_the_model_comes_from():
    training = {"parameters": {"alpha": "0.3"}, "search": {"trials": 12}, "warm_start": {"version": "2"}}
    found = told({**MEASURED, "provenance": {"training": training}})
    assert found["parameters found by"] == "a search of 12 trials, on rows for training alone"
    assert found["begun with the files of"] == "version 2"
    assert not {"parameters found by", "begun with the files of"} & told().keys()


def test_the_image_is_told_where_training_and_serving_went_in_one():
    environment = {"python": "3.11.9", "packages": 70, "sha256": "ab" * 32}
    on_azure = {**environment, "image": "mcr.example/base:20251130"}
    found = told({**MEASURED, "provenance": {"training": {"environment": on_azure}, "serving": environment}})

    assert found["trained with the image"] == "mcr.example/base:20251130"
    assert found["trained with"] == found["serves with"] == "Python 3.11.9, 70 packages (SHA-256 abababababab...)"
    assert "serves with the image" not in found


def test_two_certificates_tell_that_their_versions_were_trained_in_other_images():
    """Or in one, where the older certificate says nothing of images."""
    first, second, older = (
        Side({**MEASURED, "provenance": {"training": {"environment": environment}}}, SPEC.gates.certificate, ABOUT)
        for environment in ({"image": "mcr.example/base:1"}, {"image": "mcr.example/base:2"}, {})
    )

    changed = ("Where it comes from", "trained with the image")
    assert list(fact_changes(first, second)) == [(*changed, "mcr.example/base:1", "mcr.example/base:2")]
    assert list(fact_changes(older, second)) == [(*changed, "nothing", "mcr.example/base:2")]


def test_what_checks_found_answers_the_points_that_ask_for_it_and_the_export_is_named():
    checks = {name: {"measures": {"share": {"value": 0.25}}} for name in ("adversarial", "fairness", "privacy")}
    export = {"blob": "reports/m/attached/portability-model-ab.onnx", "sha256": "ab" * 32}
    certificate = {**MEASURED, "checks": checks, "attachments": {"portability-model": export}}
    found = {item.asks: item.told for item in annex_iv(certificate, ABOUT, SPEC)}

    assert found["robustness"] == "the check adversarial found share 0.25"
    assert found["potentially discriminatory impacts"] == "the check fairness found share 0.25"
    assert told(certificate)["the model as ONNX"] == export["blob"]
