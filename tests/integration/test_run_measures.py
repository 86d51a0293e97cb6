"""What judging measures where a spec asks for more: the folder's own metric, guards, slices, leaks and other columns."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shared import gates
from shared.model_yaml.gate_spec import Holdout, Sanity, Slices
from shared.runs.rows import Rows
from tests.integration.linear import (
    GATES,
    GOOD,
    ROWS,
    SPEC,
    WORSE,
    judged,
)

PROFIT = """
def per_row(rows, truth, predicted):
    return [10 - abs(wanted - found) * (2 if row["X1"] > 0 else 1) for row, wanted, found in zip(rows, truth, predicted)]
"""


def with_gates(metric="mse", direction="lower", floor=4.0, **more):
    """The linear model's spec with these gates."""
    return replace(SPEC, gates=replace(GATES, metric=metric, direction=direction, floor=floor, **more))


def test_a_metric_of_the_folder_is_computed_by_its_owners_code(tmp_path, folder):
    (folder / "profit.py").write_text(PROFIT)
    spec = with_gates("profit.py", "higher", 5.0)

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, spec=spec)

    columns = {name: ROWS.holdout[name].to_numpy() for name in ("X1", "X2", "Y")}
    off = np.abs(GOOD[0] + GOOD[1] * columns["X1"] + GOOD[2] * columns["X2"] - columns["Y"])
    assert evidence["candidate"]["value"] == pytest.approx(np.mean(10 - off * np.where(columns["X1"] > 0, 2, 1)))
    assert gates.judge(spec.gates, evidence, against="7").passed


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "def per_row(rows, truth, predicted): return [1.0]",
            "profit.py: ValueError: per_row() answered 1 numbers to 40 rows",
        ),
        (
            "def per_row(rows, truth, predicted): return [float('nan')] * len(rows)",
            "profit.py: 40 of 40 of its numbers are not finite",
        ),
        ("import nothing_there", "profit.py: ModuleNotFoundError: No module named 'nothing_there'"),
    ],
)
def test_a_metric_of_the_folder_that_fails_holds_with_its_reason(tmp_path, folder, code, why):
    (folder / "profit.py").write_text(code)
    spec = with_gates("profit.py", "higher", 5.0)

    verdict = gates.judge(spec.gates, judged(tmp_path, folder, spec=spec))

    assert verdict.first_failure.why == f"the candidate could not be scored: {why}"


def test_guards_slices_and_leaks_are_measured_where_the_spec_asks_for_them(tmp_path, folder):
    spec = with_gates(
        guards={"mae": "0.1", "latency": "900", "size": "50"},
        slices=Slices(where=("X1 > 0",), min_rows=30),
        sanity=Sanity(max_overlap_percent=0, schema="same"),
        holdout=Holdout(error_budget=0.05),
    )
    older = Path(shutil.copytree(folder, tmp_path / "older"))

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older, spec=spec)

    assert evidence["guards"]["mae"]["lower"] > 0
    assert evidence["guards"]["size"]["mean"] == 0
    assert evidence["guards"]["latency"]["lower"] <= evidence["guards"]["latency"]["upper"]
    assert (evidence["sanity"]["overlap"], evidence["sanity"]["schema"]) == (0, [])
    assert evidence["slices"] == [{"slice": "X1 > 0", "rows": evidence["slices"][0]["rows"], "positives": None}]
    assert 0 < evidence["gain"]["p"] < 0.01
    assert gates.judge(spec.gates, evidence, against="7", share=0.5).passed


def test_rows_that_training_saw_and_columns_that_changed_are_told(tmp_path, folder):
    leaking = Rows(train=pa.concat_tables([ROWS.train, ROWS.holdout]), holdout=ROWS.holdout)
    older = Path(shutil.copytree(folder, tmp_path / "older"))
    contract = older / "contract.yaml"
    contract.write_text(contract.read_text().replace("X2", "X3"))
    spec = with_gates(sanity=Sanity(max_overlap_percent=5, schema="same"))

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older, rows=leaking, spec=spec)

    assert evidence["sanity"]["overlap"] == 40
    assert evidence["sanity"]["schema"] == ["X3 is gone", "X2 is new"]
    assert gates.judge(spec.gates, evidence).first_failure.gate == "no_overlap"


def changed_contract(place, folder, version):
    """A copy of the folder whose contract has X3 in place of X2, and this version."""
    older = Path(shutil.copytree(folder, place))
    contract = older / "contract.yaml"
    contract.write_text(re.sub("version: .*", f"version: {version}", contract.read_text()).replace("X2", "X3"))
    return older


def test_without_being_asked_a_run_tells_copies_and_columns_and_holds_on_them(tmp_path, folder):
    leaking = Rows(train=pa.concat_tables([ROWS.train, ROWS.holdout]), holdout=ROWS.holdout)
    older = changed_contract(tmp_path / "older", folder, "9.9.9")
    bare = replace(SPEC, gates=replace(GATES, floor=4.0, sanity=Sanity()))

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older, rows=leaking, spec=bare)

    assert evidence["v"] == 2
    assert (evidence["sanity"]["overlap"], evidence["sanity"]["copies"]) == (40, 40)
    assert evidence["sanity"]["schema"] == ["X3 is gone", "X2 is new"]
    held = {result.gate for result in gates.judge(bare.gates, evidence).results if not result.passed}
    assert {"no_overlap", "same_schema"} <= held


def test_a_raised_version_says_that_other_columns_are_meant(tmp_path, folder):
    older = changed_contract(tmp_path / "older", folder, "0.9.0")

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older)

    (told,) = [one for one in gates.judge(SPEC.gates, evidence).results if one.gate == "same_schema"]
    assert evidence["sanity"]["contracts"] == ["0.9.0", "1.0.0"]
    assert told.why == "X3 is gone; X2 is new; the contract's version was raised from 0.9.0 to 1.0.0"


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("contract.yaml", "kind: Nonsense", "contract.yaml"),
        ("model.yaml", "v: 99", "model.yaml"),
        ("model.yaml", None, "No such file"),
    ],
)
def test_a_champions_folder_that_cannot_be_read_holds_and_fails_no_run(tmp_path, folder, file, text, why):
    older = Path(shutil.copytree(folder, tmp_path / "older"))
    (older / file).unlink() if text is None else (older / file).write_text(text)

    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE, champion_folder=older)

    (told,) = [one for one in gates.judge(SPEC.gates, evidence).results if one.gate == "same_schema"]
    assert evidence["sanity"]["schema"] is None
    assert told.why.startswith("the champion's columns could not be read: ")
    assert why in told.why


def test_a_first_model_has_no_columns_to_compare(tmp_path, folder):
    evidence = judged(tmp_path, folder)

    assert "schema" not in evidence["sanity"]
    assert evidence["sanity"]["copies"] == 0
