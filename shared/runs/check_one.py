"""One check of a certificate: `python check_one.py ASKED_JSON ANSWER_JSON`, in a process of its own.

Executed by the interpreter of the model's environment, hence standard library only. A check is a function
`check(subject) -> {"measures", "words", "attachments"}`, looked for under its name in the folder's tests/checks/<name>.py, then among the
entry points `baton.certificate_checks` of what is installed, then among Baton's own (`shared/runs/checks`). The answer
file is what it gave, or {"error": "..."}.
"""

from __future__ import annotations

import http.client
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GROUP = "baton.certificate_checks"
OWN = Path(__file__).resolve().parent / "checks"
ROWS_AT_ONCE = 500
ANSWER_SECONDS = 60.0
Row = dict[str, Any]


class Subject:
    """What is checked: a version on its started server, and what is known of it.

    `rows` are holdout rows with `target` among their columns, at most so many as `of` says there are more; `features` are
    the columns that are neither key, target nor time. `classes` are `gates.compare.classes`. `parameters` are those that
    model.yaml declares for the check, as texts. `folder` and `model` are the folders of code and of the model's files,
    `profile` what reference.json says of the training features, None if there is none. `has_champion` says whether another
    version serves.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self.name: str = asked["name"]
        self.folder, self.model = Path(asked["folder"]), Path(asked["model"])
        self.rows: list[Row] = asked["rows"]
        self.of: int = asked["of"]
        self.target: str = asked["target"]
        self.features: list[str] = asked["features"]
        self.classes: list[str] = asked["classes"]
        self.parameters: dict[str, str] = asked["parameters"]
        self.has_champion: bool = asked["champion"] is not None

    @property
    def trained_rows(self) -> list[Row]:
        """Rows that the version was trained on, as many as holdout rows at most; `ValueError` where Baton does not know them."""
        found: list[Row] | None = self._asked["trained"]
        if found is None:
            raise ValueError(
                "it is not known which rows it was trained on: no run of ours made it from this dataset version"
            )
        return found

    @property
    def profile(self) -> dict[str, Any] | None:
        file = self.model / "reference.json"
        found: dict[str, Any] | None = json.loads(file.read_text()) if file.is_file() else None
        return found

    def ask(self, rows: Sequence[Row]) -> tuple[int, dict[str, Any] | str]:
        """One request with these rows, their target left out: status (0: no answer), and the answer's document or its text."""
        server = urlsplit(self._asked["url"])
        connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=ANSWER_SECONDS)
        try:
            body = json.dumps({"data": [self._sent(row) for row in rows]})
            connection.request("POST", server.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, f"no answer: {type(error).__name__} {error}"
        finally:
            connection.close()
        try:
            found = json.loads(text)
        except ValueError:
            return response.status, text
        return response.status, found if isinstance(found, dict) else text

    def score(self, rows: Sequence[Row], part: str = "predictions") -> list[Any]:
        """One prediction a row, by as many requests as it takes; or another list of the answer, such as "intervals"."""
        found: list[Any] = []
        for first in range(0, len(rows), ROWS_AT_ONCE):
            batch = rows[first : first + ROWS_AT_ONCE]
            status, answer = self.ask(batch)
            given = answer.get(part) if isinstance(answer, dict) else None
            if status != 200 or not isinstance(given, list) or len(given) != len(batch):
                raise ValueError(f"the server answered {len(batch)} rows with status {status}: {str(answer)[:200]}")
            found += given
        return found

    def score_champion(self, rows: Sequence[Row]) -> list[Any]:
        """One prediction a row of the version that serves, through its own score.py and interpreter."""
        champion = self._asked["champion"]
        if champion is None:
            raise ValueError("no version serves")
        return self._score_apart("the champion", champion["python"], champion["score"], champion["model"], rows)

    def python(self, version: str) -> str:
        """The interpreter of that version in an environment with the folder's requirements; `ValueError` with the reason if there is none.

        It is made for each version that a check has as its parameter `python`.
        """
        found = self._asked["pythons"].get(version, {"missing": f"no check has the parameter python: {version}"})
        if "python" not in found:
            raise ValueError(found["missing"])
        path: str = found["python"]
        return path

    def score_by(self, version: str, rows: Sequence[Row]) -> list[Any]:
        """One prediction a row of this version's own score.py and files, by another Python."""
        script = str(self.folder / "score.py")
        return self._score_apart(f"Python {version}", self.python(version), script, str(self.model), rows)

    def _score_apart(self, name: str, python: str, script: str, model: str, rows: Sequence[Row]) -> list[Any]:
        """Predictions of a score.py in a process of its own; `ValueError` with what it raised."""
        asked, answered = (Path(f"{name.replace(' ', '-')}-{part}.json") for part in ("rows", "answer"))
        asked.write_text(json.dumps([self._sent(row) for row in rows]))
        answered.unlink(missing_ok=True)
        subprocess.run(
            [python, str(Path(__file__).with_name("score_rows.py")), script, str(asked), str(answered)],
            env={**os.environ, "AZUREML_MODEL_DIR": model},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        answer = json.loads(answered.read_text()) if answered.is_file() else {"error": "it ended its process"}
        if "predictions" not in answer:
            raise ValueError(f"{name} could not be scored: {answer.get('error')}")
        predictions: list[Any] = answer["predictions"]
        return predictions

    def _sent(self, row: Row) -> Row:
        return {name: value for name, value in row.items() if name != self.target}


def main(asked_file: str, answer_file: str) -> int:
    asked = json.loads(Path(asked_file).read_text())
    try:
        answer = find(asked["name"], Path(asked["folder"]))(Subject(asked))
        text = json.dumps(answer)
    except BaseException as error:  # a check may raise anything, and call sys.exit
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
        text = json.dumps(answer)
    Path(answer_file).write_text(text)
    return 1 if isinstance(answer, dict) and "error" in answer else 0


def find(name: str, folder: Path) -> Callable[[Subject], Any]:
    """The check of this name: the folder's own, a package's, or Baton's; LookupError if there is none."""
    own = folder / "tests" / "checks" / f"{name}.py"
    if own.is_file():
        sys.path[0] = str(own.parent)
        return _function(_module(own), f"tests/checks/{name}.py")
    installed = [found for found in entry_points(group=GROUP) if found.name == name]
    if len(installed) > 1:
        raise LookupError(f"{len(installed)} packages have a check {name}: {', '.join(one.value for one in installed)}")
    if installed:
        loaded: Callable[[Subject], Any] = installed[0].load()
        return loaded
    if (OWN / f"{name}.py").is_file():
        sys.path[0] = str(OWN.parents[2])
        return _function(importlib.import_module(f"shared.runs.checks.{name}"), name)
    raise LookupError(
        f"there is no check {name}: no tests/checks/{name}.py, no entry point in {GROUP}, none of Baton's own"
    )


def _module(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _function(module: Any, shown: str) -> Callable[[Subject], Any]:
    found = getattr(module, "check", None)
    if not callable(found):
        raise LookupError(f"{shown} has no function check(subject)")
    checked: Callable[[Subject], Any] = found
    return checked


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
