"""A version that is trained again: the same bytes, the same predictions, or in what it differs."""

import json
import os
import sys

import pytest

from shared.errors import Permanent
from shared.runs.reproduce import reproduce
from tests.integration.linear import (
    GOOD,
    ROWS,
    SPEC,
    Remembered,
    append,
    quick,
    run_of,
    trained,
    weights,
)

LEARN = """import json, pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
weights = [float(given["--alpha"]), 2.0, -1.0]
pathlib.Path(given["--model-dir"], "weights.json").write_text(json.dumps(weights))
"""


@pytest.fixture
def before(tmp_path, folder):
    """A version's files, as its training left them, by a train.py that needs no MLflow."""
    run = run_of(tmp_path, quick(folder, LEARN))
    trained(run, Remembered())
    return run.outputs / "model"


def reproduced(tmp_path, folder, model):
    run = run_of(tmp_path, folder, step="reproduce", candidate=("version:1", model))
    return reproduce(run, SPEC, ROWS, python=sys.executable, tracking=Remembered(), environment=os.environ)


def test_a_version_that_is_trained_again_is_the_same_byte_for_byte(tmp_path, folder, before):
    found = reproduced(tmp_path, folder, before)

    assert (found["answer"], found["files"]) == ("same bytes", {"same": 1, "differ": []})
    assert found["predictions"] == {"rows": 40, "differ": 0, "largest": 0.0}
    assert found["provenance"] == []


def test_a_version_that_comes_out_otherwise_says_in_what_and_by_how_much(tmp_path, folder, before):
    (before / "weights.json").write_text("[0.35, 2.0, -1.0]")
    made_of = json.loads((before / "provenance.json").read_text())
    made_of["environment"]["packages"].append("numpy==1.0")
    (before / "provenance.json").write_text(json.dumps(made_of))

    found = reproduced(tmp_path, folder, before)

    assert (found["answer"], found["files"]) == ("differs", {"same": 0, "differ": ["weights.json"]})
    assert (found["predictions"]["rows"], found["predictions"]["differ"]) == (40, 40)
    assert found["predictions"]["largest"] == pytest.approx(0.25)
    assert found["provenance"] == [["environment.packages", ["numpy==1.0"], []]]


def test_a_version_that_was_trained_in_another_image_says_so(tmp_path, folder, before):
    """Or in one, and now in none."""
    made_of = json.loads((before / "provenance.json").read_text())
    made_of["environment"]["image"] = "mcr.example/base:20251130"
    (before / "provenance.json").write_text(json.dumps(made_of))

    found = reproduced(tmp_path, folder, before)

    assert found["answer"] == "same bytes"
    assert found["provenance"] == [["environment.image", "mcr.example/base:20251130", None]]


def test_other_bytes_with_the_same_predictions_are_told_apart(tmp_path, folder, before):
    append(before / "weights.json", "\n")

    assert reproduced(tmp_path, folder, before)["answer"] == "same predictions"


def test_the_parameters_are_those_of_the_training_and_not_of_the_request(tmp_path, folder, before):
    (before / "weights.json").write_text("[50.0, 2.0, -1.0]")
    made_of = json.loads((before / "provenance.json").read_text())
    (before / "provenance.json").write_text(json.dumps({**made_of, "parameters": {"alpha": "50"}}))

    assert reproduced(tmp_path, folder, before)["answer"] == "same bytes"


def test_a_version_that_does_not_say_what_it_was_made_of_is_not_trained_again(tmp_path, folder):
    with pytest.raises(Permanent, match="no run of ours trained it"):
        reproduced(tmp_path, folder, weights(tmp_path, "candidate", GOOD))
