"""A model folder made anew from the template: it can be published, its sample keeps its contract, it trains and answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.newmodel import COLUMNS, copy_template, write_sample
from shared.gating.gate_breaks import self_test
from shared.model_yaml.spec_file import load_folder
from shared.runs.cases import read_cases
from tests.integration.command_line import CommandLine

ROOT = Path(__file__).resolve().parents[2]


def test_a_new_model_is_valid_and_its_gates_can_hold(here: Path, offline: CommandLine) -> None:
    ran = offline("new-model", "rents")
    spec = load_folder(here / "models/rents")
    assert (ran.code, spec.name, self_test(spec.gates)) == (0, "rents", ())


def test_a_new_model_shares_the_example_models_environment() -> None:
    template, example = (ROOT / folder / "requirements.txt" for folder in ("cli/template", "models/diabetes"))
    assert template.read_text() == example.read_text()


def test_the_sample_of_a_new_model_keeps_its_contract(here: Path, offline: CommandLine) -> None:
    offline("new-model", "rents")
    ran = offline("check", "rents", "state/samples/rents.csv")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "rents.csv accepted: 200 rows accepted")


def test_a_folder_that_is_there_is_not_made_anew(here: Path, offline: CommandLine) -> None:
    (here / "models/rents").mkdir(parents=True)
    ran = offline("new-model", "rents")
    assert (ran.code, list((here / "models/rents").iterdir())) == (1, [])


@pytest.mark.parametrize("name", ["Rents", "rents_1", "../rents", "-rents", "r" * 21, ""])
def test_a_name_that_is_no_models_makes_nothing(here: Path, offline: CommandLine, name: str) -> None:
    assert (offline("new-model", "--", name).code, (here / "models").exists()) == (1, False)


SCORES = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("score", "score.py")
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
score.init()
for line in sys.stdin:
    try:
        print(json.dumps(score.run(json.loads(line))))
    except ValueError:
        print("refused")
"""


def test_a_new_model_trains_and_answers_its_own_cases(here: Path) -> None:
    folder, rows = here / "rents", here / "rents.csv"
    copy_template(folder, "rents")
    write_sample(rows)
    env = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{here}/mlflow.db", "AZUREML_MODEL_DIR": str(here / "out")}
    train = ["train.py", "--data", str(rows), "--model-dir", str(here / "out"), "--alpha", "1"]
    subprocess.run([sys.executable, *train], cwd=folder, env=env, check=True, capture_output=True)
    cases = read_cases(folder)
    asked = "".join(json.dumps(case.body.decode()) + "\n" for case in cases)
    scored = subprocess.run(
        [sys.executable, "-c", SCORES], cwd=folder, env=env, input=asked, check=True, capture_output=True, text=True
    )
    answers = scored.stdout.splitlines()
    refused = [answer == "refused" for answer in answers]
    assert refused == [case.status == 400 for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        for value, (lowest, highest) in zip(
            json.loads(answer)["predictions"] if case.ranges else [], case.ranges, strict=True
        ):
            assert lowest <= value <= highest, case.name


def test_the_sample_has_the_columns_that_the_contract_names(here: Path) -> None:
    write_sample(here / "rents.csv")
    assert (here / "rents.csv").read_text().splitlines()[0] == ",".join(COLUMNS) == "FLAT,AREA,ROOMS,AGE,RENT"
