"""Evidence has forms too: what a judging run tells is recorded by its `v`, and of form 1 the verdict is that of 0.1.0."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shared import gates
from shared.gating.gate_breaks import passing_evidence
from shared.gating.sanity_gates import FORM
from shared.model_yaml.spec_file import load_spec
from shared.platforms.port import RunRequest
from shared.runs.beside import overlap, schema_change
from shared.runs.evidence import Beside, Champion, evidence
from shared.runs.rows import Rows
from shared.runs.run_dir import RunDir
from shared.runs.scoring import Predictions
from shared.spec import Gates
from tests.compat.released import released
from tests.documents import ROOT
from tests.world import evidence as told

LINEAR = ROOT / "tests" / "models" / "linear"
RECORDED: Mapping[str, list[str]] = json.loads(Path(__file__).with_name("evidence.json").read_text())
RULES = Gates("mse", "lower", 5000.0)


def _names(document: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, part in document.items():
        yield f"{above}{name}"
        if isinstance(part, Mapping):
            yield from _names(part, f"{above}{name}.")


def _judged(home: Path) -> dict[str, object]:
    for name in ("folder", "champion_folder"):
        shutil.copytree(LINEAR, home / "inputs" / name)
    inputs = {"champion": "version:7", "champion_folder": "folder:ab"}
    run = RunDir(home, RunRequest("r", "linear", "judge", "f", inputs, {}, 60))
    spec = load_spec((LINEAR / "model.yaml").read_text())
    table = pa.table({"ID": [1, 2, 3], "X1": [0.1, 0.2, 0.3], "X2": [1.0, 2.0, 3.0], "Y": [1.0, 2.0, 3.0]})
    sanity = {**overlap(Rows(table, table), spec), **schema_change(run, spec)}
    truth = np.array([1.0, 2.0, 3.0])
    champion = Champion("7", Predictions(truth + 1))
    return evidence(RULES, truth, Predictions(truth + 0.5), champion, Beside(sanity=sanity))


def test_what_a_judging_run_tells_is_recorded_under_its_form(tmp_path: Path) -> None:
    """Another name needs another form, so that evidence in flight is not held for what its run could not know."""
    assert [*RECORDED] == [str(v) for v in range(1, FORM + 1)]
    assert sorted(_names(_judged(tmp_path))) == RECORDED[str(FORM)]


def test_what_the_gates_and_the_tests_take_for_evidence_has_no_other_names() -> None:
    some = told(2500.0, 3000.0).result
    assert {*_names(some)} - {*RECORDED["2"]} == set()
    asked = {*_names(passing_evidence(RULES))} - {*RECORDED["2"]}
    assert asked == {"guards", "slices", "holdout"}  # measured where they are asked for; the run adds `holdout`


@pytest.mark.parametrize("seed", range(200))
def test_older_evidence_is_judged_as_0_1_0_judged_it(seed: int) -> None:
    draw = random.Random(seed)
    value = draw.choice([0.0, 1.0, 2500.0, 4999.0, 5001.0])
    champion = draw.choice([None, 0.0, 100.0, 3000.0])
    document = dict(told(value, champion, lower=draw.choice([None, 0.0, 5.0]), v=1).result)
    document["rows"] = draw.choice([14, 15, 80])
    document["sanity"] = {
        "not_finite": draw.choice([0, 0, 0, 2]),
        "constant": draw.random() < 0.1,
        "identical": draw.choice([False, False, True, None]),
    }
    assert {*_names(document)} <= {*RECORDED["1"]}
    old = released("gates").judge(released("spec").Gates("mse", "lower", 5000.0), document, against=None)
    new = gates.judge(RULES, document)
    before, after = ([(one.gate, one.answer, one.why) for one in verdict.results] for verdict in (old, new))
    assert before == after
