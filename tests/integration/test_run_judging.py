"""Judging: candidate and champion of the smallest model folder, each scored by its own score.py, and what the gates say."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from shared import gates
from shared.runs.rows import Rows
from shared.runs.scoring import Scorer, score
from tests.integration.linear import (
    GATES,
    GOOD,
    LINEAR,
    ROWS,
    WORSE,
    append,
    judged,
    weights,
)


def mse(weights):
    columns = {name: ROWS.holdout[name].to_numpy() for name in ("X1", "X2", "Y")}
    return np.mean((weights[0] + weights[1] * columns["X1"] + weights[2] * columns["X2"] - columns["Y"]) ** 2)


def test_a_better_candidate_passes_with_both_values_and_the_interval(tmp_path, folder):
    evidence = judged(tmp_path, folder, candidate=GOOD, champion=WORSE)

    assert evidence["rows"] == 40
    assert evidence["candidate"]["value"] == pytest.approx(mse(GOOD))
    assert evidence["champion"]["version"] == "7"
    assert evidence["champion"]["value"] == pytest.approx(mse(WORSE))
    assert evidence["gain"]["mean"] == pytest.approx(mse(WORSE) - mse(GOOD))
    assert 0 < evidence["gain"]["lower"] < evidence["gain"]["mean"] < evidence["gain"]["upper"]
    assert gates.judge(GATES, evidence, against="7").passed


def test_a_worse_candidate_is_held_by_the_gain(tmp_path, folder):
    verdict = gates.judge(GATES, judged(tmp_path, folder, candidate=WORSE, champion=GOOD))

    assert [result.gate for result in verdict.results if not result.passed] == ["min_gain"]


def test_the_same_model_again_is_held(tmp_path, folder):
    verdict = gates.judge(GATES, judged(tmp_path, folder, candidate=GOOD, champion=GOOD))

    assert [result.gate for result in verdict.results if not result.passed] == ["min_gain", "not_identical"]


def test_the_first_candidate_is_judged_by_the_floor(tmp_path, folder):
    evidence = judged(tmp_path, folder)

    assert (evidence["champion"], evidence["gain"]) == (None, None)
    assert gates.judge(GATES, evidence, against="").passed


def test_the_champion_is_scored_by_its_own_score_py(tmp_path, folder):
    older = Path(shutil.copytree(LINEAR, tmp_path / "older"))
    append(older / "score.py", "\n\ndef run(data):\n    return {'predictions': [0.5 * n for n in range(40)]}\n")

    evidence = judged(tmp_path, folder, champion=GOOD, champion_folder=older)

    assert evidence["champion"]["predicted"] == {"min": 0.0, "mean": 9.75, "max": 19.5}


@pytest.mark.parametrize("spoil", ["raise KeyError('weights')", "import sys; sys.exit(4)", "import os; os._exit(5)"])
def test_a_champion_that_cannot_be_scored_is_evidence_that_holds(tmp_path, folder, spoil):
    older = Path(shutil.copytree(LINEAR, tmp_path / "older"))
    append(older / "score.py", f"\n\ndef init():\n    {spoil}\n")

    evidence = judged(tmp_path, folder, champion=GOOD, champion_folder=older)

    assert "score.py" in evidence["champion"]["error"]
    assert evidence["champion"]["version"] == "7"
    assert gates.judge(GATES, evidence).first_failure.gate == "evidence_complete"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("{'predictions': [float('nan')] * 40}", "40 of 40 predictions are no finite number"),
        ("{'predictions': [1.0]}", "1 predictions to 40 rows"),
        ("{'predictions': ['high'] * 40}", "prediction 0 is 'high'"),
        ("{'predictions': [1e300] * 40}", "too large to measure"),
        ("[1.0] * 40", "must be {'predictions'"),
    ],
)
def test_a_candidate_that_answers_nonsense_is_held_with_what_it_answered(tmp_path, folder, answer, told):
    append(folder / "score.py", f"\n\ndef run(data):\n    return {answer}\n")

    evidence = judged(tmp_path, folder, champion=None)

    assert told in evidence["candidate"]["error"]
    assert not gates.judge(GATES, evidence).passed


def test_a_candidate_that_predicts_one_number_is_held(tmp_path, folder):
    append(folder / "score.py", "\n\ndef run(data):\n    return {'predictions': [1.0] * 40}\n")

    verdict = gates.judge(GATES, judged(tmp_path, folder))

    assert "sane_predictions" in [result.gate for result in verdict.results if not result.passed]


def test_a_model_that_never_answers_is_given_up(tmp_path, folder):
    append(folder / "score.py", "\n\ndef run(data):\n    import threading\n    threading.Event().wait()\n")
    scorer = Scorer(weights(tmp_path, "model", GOOD), folder, sys.executable)

    predictions = score(scorer, [{"X1": 0}], scratch=tmp_path / "scratch", environment=os.environ, max_seconds=0.5)

    assert predictions.error == "score.py did not answer 1 rows within 0.5 s"


def test_no_holdout_row_is_held(tmp_path, folder):
    evidence = judged(tmp_path, folder, champion=GOOD, rows=Rows(ROWS.train, ROWS.holdout.slice(0, 0)))

    assert evidence["rows"] == 0
    assert not gates.judge(GATES, evidence).passed
