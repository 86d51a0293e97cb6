"""Certifying a version of the smallest model folder on Microsoft's real inference server."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shared import gates
from shared.model_yaml.gate_spec import Check
from shared.runs.certify import certify
from shared.spec import CertificateLimits, Gates, Spec
from tests.integration.linear import (
    GATES,
    GOOD,
    ROWS,
    SPEC,
    append,
    run_of,
    weights,
)


def certified(tmp_path, folder, python, limits=GATES.certificate, holdout=None):
    run = run_of(tmp_path, folder, step="certify", candidate=("version:3", weights(tmp_path, "candidate", GOOD)))
    spec = Spec(
        "linear", "tests", "", SPEC.data, SPEC.train, Gates("mse", "lower", 4.0, certificate=limits), SPEC.approval
    )
    return certify(run, spec, holdout, pythons={"folder": sys.executable, "serving": python}, environment=os.environ)


def test_a_good_version_earns_a_certificate_of_the_real_server(tmp_path, folder, serving_python):
    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["version"] == "3"
    assert certificate["cases"] == {"passed": 3, "failed": []}
    assert set(certificate["malformed"].values()) == {400}
    assert certificate["latency_ms"]["requests"] == 100
    assert 0 < certificate["latency_ms"]["p50"] <= certificate["latency_ms"]["p95_upper"] < 500
    assert certificate["provenance"]["files"] == {
        "weights.json": hashlib.sha256((tmp_path / "candidate" / "weights.json").read_bytes()).hexdigest()
    }
    assert certificate["provenance"]["training"] is None
    assert certificate["provenance"]["serving"]["packages"] > 20
    assert certificate["boundary"] == {"tried": 27, "broken": []}
    assert certificate["overload"]["recovered"]
    assert 0 < certificate["start_seconds"] < 30
    assert gates.certify(GATES.certificate, certificate).passed


def test_declared_checks_measure_the_started_server_and_are_gates(tmp_path, folder, serving_python):
    checks = {
        "calibration": Check(limits={"slope": "at most 1.2", "mean_error": "at least -0.1"}),
        "mine": Check(limits={"share": "at most 0"}),
    }
    limits = replace(GATES.certificate, checks=checks)
    certificate = certified(tmp_path, folder, serving_python, limits, holdout=ROWS.holdout.to_pylist())

    results = {result.gate: result for result in gates.certify(limits, certificate).results}
    assert results["check_calibration"].passed
    assert 0.9 < certificate["checks"]["calibration"]["measures"]["slope"]["value"] < 1.1
    assert results["check_mine"].why.startswith("nothing was measured: LookupError: there is no check mine")


def test_without_rows_no_declared_check_is_passed(tmp_path, folder, serving_python):
    limits = replace(GATES.certificate, checks={"calibration": Check(limits={"slope": "at most 1.2"})})

    verdict = gates.certify(limits, certified(tmp_path, folder, serving_python, limits))

    assert verdict.results[-1].why == "nothing was measured: the run was given no dataset version"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("def init():\n    raise KeyError('weights')", "score.py raised KeyError: 'weights'"),
        ("import no_such_module", "score.py raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("del run", "does not have a run() function"),
    ],
)
def test_a_server_that_cannot_start_is_a_certificate_that_holds(tmp_path, folder, serving_python, spoil, told):
    append(folder / "score.py", f"\n\n{spoil}\n")

    certificate = certified(tmp_path, folder, serving_python)

    assert told in certificate["error"]
    assert gates.certify(GATES.certificate, certificate).first_failure.gate == "starts"


def test_an_init_that_takes_too_long_is_given_up(tmp_path, folder, serving_python):
    append(folder / "score.py", "\n\ndef init():\n    import threading\n    threading.Event().wait()\n")

    certificate = certified(tmp_path, folder, serving_python, CertificateLimits(start_seconds=2))

    assert certificate["error"].startswith("not healthy after 3.")


def test_a_server_error_on_malformed_requests_is_held(tmp_path, folder, serving_python):
    append(folder / "score.py", "\n\ndef refused(why):\n    raise RuntimeError(why)\n")

    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["cases"]["failed"] == ["case 3 (text for a number): status 500, must be 400"]
    assert certificate["malformed"]["not json"] == 500
    held = [result.gate for result in gates.certify(GATES.certificate, certificate).results if not result.passed]
    assert held == ["cases_pass", "refuses_malformed", "right_answers"]


def test_a_prediction_that_is_no_number_and_a_broken_invariance_are_held(tmp_path, folder, serving_python):
    careless = (folder / "score.py").read_text().replace("if not math.isfinite(number)", "if False")
    (folder / "score.py").write_text(careless)
    (folder / "tests" / "invariances.json").write_text('[{"name": "X1 does not matter", "change": {"X1": 9}}]')

    verdict = gates.certify(GATES.certificate, certified(tmp_path, folder, serving_python))

    assert {result.gate: result.why for result in verdict.results if not result.passed} == {
        "right_answers": "X1 is 1e308: status 200 with prediction Infinity, which is no finite number",
        "invariant": verdict.results[4].why,
    }
    assert verdict.results[4].why.startswith("X1 does not matter: X1 is 9: prediction 0 is ")


def test_cases_that_cannot_be_read_are_held(tmp_path, folder, serving_python):
    (folder / "tests" / "cases.json").write_text('[{"request": 1}]')

    certificate = certified(tmp_path, folder, serving_python)

    assert certificate["cases"]["failed"] == ["tests/cases.json cannot be read: KeyError: 'expect'"]


def test_no_server_is_left_behind(tmp_path, folder, serving_python):
    certified(tmp_path, folder, serving_python)

    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if os.access(file, os.R_OK)]
    assert not [command for command in commands if serving_python.encode() in command]
