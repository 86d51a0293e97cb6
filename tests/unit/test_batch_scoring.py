"""Our entry script of batch jobs, run as Azure ML's driver runs it: init, then hands of files, with score.py in its own Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.platforms.azureml_v2_batches import SCRIPTS

LINEAR = Path(__file__).parents[1] / "models/linear/score.py"
DRIVER = """
import json, sys
import baton_batch
baton_batch.init()
for hand in json.loads(sys.stdin.read()):
    try:
        print("returned", json.dumps(baton_batch.run(hand)))
    except RuntimeError as error:
        print("failed", error)
"""
GOOD = {"X1": 1.0, "X2": 2.0}


class Job:
    """One job's folder: code, model, files in, lines out."""

    def __init__(self, home: Path, score: str = "") -> None:
        self.code, self.model, self.into, self.out = (home / name for name in ("code", "model", "in", "out"))
        for folder in (self.code, self.model / "named", self.into, self.out):
            folder.mkdir(parents=True)
        for name, script in SCRIPTS.items():
            shutil.copy2(script, self.code / name)
        (self.code / "score.py").write_text(score or LINEAR.read_text())
        (self.code / "baton_requirements.txt").write_text("")
        (self.model / "named" / "weights.json").write_text("[10, 2, 3]")

    def file(self, name: str, content: str | bytes) -> str:
        path = self.into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def run(self, *hands: list[str]) -> list[str]:
        """What each hand of files returned, or failed by."""
        told = {
            "AZUREML_MODEL_DIR": str(self.model),
            "AZUREML_BI_OUTPUT_PATH": str(self.out),
            "BATON_VERSION": "7",
        }
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps(hands),
            env={**os.environ, **told, "PYTHONPATH": str(self.code)},
            cwd=self.into,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if not line.startswith("baton-batch")]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines of a file's answers."""
        (file,) = self.out.glob(f"{name}-????????.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_each_row_of_each_kind_of_file_has_a_line_with_file_row_version_and_prediction(job: Job) -> None:
    rows = f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, 'X1': 0})}\n"
    files = [
        job.file("a.jsonl", rows),
        job.file("b.json", json.dumps({"data": [GOOD, {**GOOD, "X1": 0}]})),
        job.file("c.csv", "\ufeffX1,X2,NOTE\n1,2.0,0042\n0,2e0,\n"),
    ]
    (returned,) = job.run(files)
    counted = [json.loads(one) for one in json.loads(returned.removeprefix("returned "))]
    assert counted == [{"file": Path(one).name, "read": True, "rows": 2, "bad": 0} for one in files]
    for name in ("a.jsonl", "b.json", "c.csv"):
        assert job.lines(name) == [
            {"file": name, "version": "7", "row": 1, "prediction": 18.0},
            {"file": name, "version": "7", "row": 2, "prediction": 16.0},
        ]


def test_bad_rows_are_told_where_they_are_and_lose_no_other(job: Job) -> None:
    rows = [json.dumps({**GOOD, "X1": number}) for number in range(1200)]
    rows[3], rows[700], rows[701] = "{broken", json.dumps({"X1": 1}), json.dumps({"X1": "text", "X2": 1})
    (returned,) = job.run([job.file("rows.jsonl", "\n".join(rows))])
    assert '\\"rows\\": 1200, \\"bad\\": 3' in returned
    lines = job.lines("rows.jsonl")
    assert [line["row"] for line in lines] == list(range(1, 1201))
    told = {line["row"]: line["error"] for line in lines if "error" in line}
    assert set(told) == {4, 701, 702}
    assert "no JSON" in told[4]
    assert "X2" in told[701]
    assert lines[-1]["prediction"] == 10 + 2 * 1199 + 3 * 2


def test_the_words_of_a_csv_are_numbers_nothing_or_themselves(tmp_path: Path) -> None:
    job = Job(
        tmp_path, "import json\ndef init(): ...\ndef run(data): return {'predictions': json.loads(data)['data']}\n"
    )
    job.run([job.file("c.csv", 'A,B,C,D,E\n0042,-1.5e3,,7,"x, y"\n')])
    (line,) = job.lines("c.csv")
    assert line["prediction"] == {"A": "0042", "B": -1500.0, "C": None, "D": 7, "E": "x, y"}


def test_a_row_with_other_columns_than_the_header_is_bad(job: Job) -> None:
    job.run([job.file("c.csv", "X1,X2\n1\n1,2,3\n1,2\n")])
    assert [("error" in line) for line in job.lines("c.csv")] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.parquet", b"PAR1", "not .jsonl"),
        ("x.json", "{}", "KeyError"),
        ("x.json", "[" * 100_000, "RecursionError"),
        ("x.csv", b"X1\n\xff\n", "UnicodeDecodeError"),
        ("x.csv", "X1,X2\n", "it holds no rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_not_counted_as_read(
    job: Job, name: str, content: str | bytes, why: str
) -> None:
    good = job.file("good.jsonl", json.dumps(GOOD))
    (returned,) = job.run([job.file(name, content), good, str(job.into / "gone.csv")])
    assert [json.loads(one)["file"] for one in json.loads(returned.removeprefix("returned "))] == ["good.jsonl"]
    assert why in job.lines(name)[-1]["error"]
    assert "FileNotFoundError" in job.lines("gone.csv")[0]["error"]


def test_files_of_the_same_name_do_not_overwrite_one_another_and_a_hand_that_is_tried_again_does(job: Job) -> None:
    hand = [job.file(f"{day}/rows.jsonl", json.dumps(GOOD)) for day in ("monday", "tuesday")]
    job.run(hand, hand)
    assert len(list(job.out.iterdir())) == 2


def test_a_process_that_ends_fails_its_hand_and_the_next_one_is_scored_by_a_new_process(tmp_path: Path) -> None:
    score = LINEAR.read_text().replace("def run(data):", "def run(data):\n    os._exit(3) if 'die' in data else None")
    job = Job(tmp_path, score)
    killer, good = job.file("die.jsonl", '{"die": 1}'), job.file("good.jsonl", json.dumps(GOOD))
    failed, returned = job.run([killer], [good])
    assert failed.startswith("failed score.py's process ended with 3")
    assert "good.jsonl" in returned


def test_what_score_py_prints_or_exits_by_spoils_no_answer(tmp_path: Path) -> None:
    score = LINEAR.read_text().replace(
        "def run(data):", "def run(data):\n    print('a word'); 'exit' in data and exit(1)"
    )
    job = Job(tmp_path, score)
    job.run([job.file("rows.jsonl", f'{json.dumps(GOOD)}\n{{"exit": 1}}\n')])
    first, second = job.lines("rows.jsonl")
    assert first["prediction"] == 18.0
    assert second["error"].startswith("SystemExit")


def test_no_answer_that_is_no_number_is_written_as_one(tmp_path: Path) -> None:
    job = Job(tmp_path, "def init(): ...\ndef run(data): return {'predictions': [float('nan')] * data.count('X1')}\n")
    job.run([job.file("rows.jsonl", f"{json.dumps(GOOD)}\n")])
    assert "not JSON compliant" in job.lines("rows.jsonl")[0]["error"]
