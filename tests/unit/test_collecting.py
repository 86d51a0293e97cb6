"""What is collected of a deployment's requests for a model monitor, with a collector in the place of the service's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

COLLECT = Path(__file__).parents[2] / "shared/platforms/azureml_entry/collect.py.txt"
COLLECTOR = """
class Collector:
    def __init__(self, *, name, on_error): self.name, self.on_error = name, on_error
    def collect(self, data, correlation_context=None):
        print(self.name, data.to_json(orient="records"), correlation_context)
        if "broken" in data: raise OSError("the collector is gone")
        return "one request"
"""


def collected(tmp_path: Path, asked: str, answered: str) -> list[str]:
    """What the collectors are handed, line by line."""
    place = tmp_path / "azureml/ai/monitoring"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text(COLLECTOR)
    shutil.copy2(COLLECT, tmp_path / "baton_collect.py")
    command = f"import baton_collect; baton_collect.collect({asked!r}, {answered!r})"
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_rows_and_answers_are_collected_as_columns_of_one_request(tmp_path: Path) -> None:
    asked = json.dumps({"data": [{"AGE": 59, "SEX": "f"}, {"AGE": 48, "SEX": "m"}]})
    assert collected(tmp_path, asked, '{"predictions": [1.5, 2.5]}') == [
        'model_inputs [{"AGE":59,"SEX":"f"},{"AGE":48,"SEX":"m"}] None',
        'model_outputs [{"prediction":1.5},{"prediction":2.5}] one request',
    ]


def test_answers_that_have_columns_keep_them(tmp_path: Path) -> None:
    lines = collected(tmp_path, '{"data": [{"A": 1}]}', '{"predictions": [{"label": "yes", "p": 0.9}]}')
    assert lines[1] == 'model_outputs [{"label":"yes","p":0.9}] one request'


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("no JSON", "{}"), ('{"data": []}', '{"predictions": []}'), ('{"data": [{"broken": 1}]}', '{"predictions": [1]}')],
)
def test_what_cannot_be_collected_is_told_and_fails_no_answer(tmp_path: Path, asked: str, answered: str) -> None:
    assert collected(tmp_path, asked, answered)[-1].startswith("a request was not collected: ")
