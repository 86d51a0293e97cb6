"""Declared checks as they really run: a process each, found in the folder, in a package or among Baton's own, and never
passed by what went wrong in them."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.certificates.certificate import certify
from shared.model_yaml.gate_spec import Check
from shared.model_yaml.spec_file import load_spec
from shared.runs.examine import Bench, examine, not_examined
from shared.runs.scoring import Scorer
from shared.spec import CertificateLimits

LINEAR = Path(__file__).parents[1] / "models" / "linear"
SPEC = load_spec((LINEAR / "model.yaml").read_text())
ROWS = [{"ID": place, "X1": place / 10, "X2": -place / 20, "Y": place / 5} for place in range(30)]
OWN = "def check(subject):\n    "


class Sum(BaseHTTPRequestHandler):
    """A server that answers X1 + X2."""

    def do_POST(self) -> None:
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        body = json.dumps({"predictions": [row["X1"] + row["X2"] for row in rows]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sum)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/score"
    server.shutdown()
    server.server_close()


@pytest.fixture
def bench(tmp_path: Path, url: str) -> Bench:
    folder, model = tmp_path / "linear", tmp_path / "model"
    (folder / "tests" / "checks").mkdir(parents=True)
    model.mkdir()
    environment = {**os.environ, "BATON_DATA": "secret"}
    return Bench(
        url, Scorer(model, folder, sys.executable), None, ROWS, sys.executable, tmp_path / "scratch", environment
    )


def examined(bench: Bench, check: Check, name: str = "mine") -> tuple[dict[str, Any], dict[str, Any]]:
    limits = CertificateLimits(checks={name: check})
    found, attached = examine(replace(SPEC, gates=replace(SPEC.gates, certificate=limits)), bench)
    return dict(found[name]), attached


def held(check: Check, found: dict[str, Any]) -> str:
    """Why the gate of this check holds."""
    verdict = certify(CertificateLimits(checks={"mine": check}), {"v": 2, "checks": {"mine": found}})
    result = verdict.results[-1]
    assert (result.gate, result.passed) == ("check_mine", False)
    return result.why


def own(bench: Bench, body: str) -> None:
    (bench.scorer.folder / "tests" / "checks" / "mine.py").write_text(OWN + body)


ANY = Check(limits={"share": "at most 1"}, max_seconds=20)


def test_a_check_of_the_folder_gets_what_it_needs_and_its_answer_is_kept(bench: Bench) -> None:
    own(
        bench,
        "import os\n"
        "    predictions = subject.score(subject.rows)\n"
        "    assert predictions[1] == 0.05 and len(predictions) == 30, predictions\n"
        "    assert subject.features == ['X1', 'X2'] and subject.target == 'Y' and subject.of == 30\n"
        "    assert subject.profile is None and not subject.has_champion and 'BATON_DATA' not in os.environ\n"
        "    share = {'value': float(subject.parameters['share']), 'lower': 0, 'upper': 1, 'of': 'me'}\n"
        "    return {'measures': {'share': share}, 'words': ['well'], 'attachments': {'table': [1, 2]}}\n",
    )

    found, attached = examined(bench, replace(ANY, parameters={"share": "0.25"}))

    assert found.pop("seconds") >= 0
    assert found == {"measures": {"share": {"value": 0.25, "lower": 0, "upper": 1}}, "words": ["well"]}
    assert attached == {"mine-table": [1, 2]}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise KeyError('SEX')", "nothing was measured: KeyError: 'SEX'"),
        ("import sys; sys.exit(0)", "nothing was measured: SystemExit: 0"),
        ("import os; os._exit(3)", "nothing was measured: it ended its process with code 3"),
        ("return {'measures': {'share': float('nan')}}", 'nothing was measured: its measure share is {"value": NaN}'),
        ("return {'measures': {'share': {'lower': 0.1}}}", "nothing was measured: its measure share is {}"),
        ("return {'measures': {'share': 10 ** 400}}", "nothing was measured: its measure share is "),
        ("return {'measures': {}}", "nothing was measured: it gave no measures: 1 to 24 are needed"),
        ("return {'measures': {f'm{n}': 1 for n in range(25)}}", "nothing was measured: it gave no measures: 1 to 24"),
        ("return True", "nothing was measured: it answered true, no mapping with measures"),
        ("return {1, 2}", "nothing was measured: TypeError: Object of type set is not JSON serializable"),
        ("return {'measures': {'other': 0}}", "share was not measured, must be at most 1"),
        ("return {'measures': {'share': 2}}", "share 2, must be at most 1"),
        (
            "return {'measures': {'share': 0}, 'attachments': {'a': float('inf')}}",
            "nothing was measured: it attached numbers",
        ),
        ("return {'measures': {'share': 0}, 'words': 'well'}", "nothing was measured: its words are no list"),
    ],
)
def test_what_goes_wrong_in_a_check_holds_with_its_reason(bench: Bench, body: str, why: str) -> None:
    own(bench, body)

    found, attached = examined(bench, ANY)

    assert held(ANY, found).startswith(why)
    assert attached == {}


def test_a_check_that_takes_too_long_is_ended_and_holds(bench: Bench) -> None:
    own(bench, "import threading\n    threading.Event().wait()\n")
    short = replace(ANY, max_seconds=1)

    assert held(short, examined(bench, short)[0]) == "nothing was measured: it took longer than the 1 s that it has"


def test_a_check_that_nobody_has_holds(bench: Bench) -> None:
    assert "there is no check mine: no tests/checks/mine.py" in held(ANY, examined(bench, ANY)[0])


def test_a_file_without_the_function_holds(bench: Bench) -> None:
    (bench.scorer.folder / "tests" / "checks" / "mine.py").write_text("CHECK = 1\n")

    assert "tests/checks/mine.py has no function check(subject)" in held(ANY, examined(bench, ANY)[0])


def test_where_nothing_could_be_run_every_declared_check_holds() -> None:
    limits = CertificateLimits(checks={"mine": ANY})
    spec = replace(SPEC, gates=replace(SPEC.gates, certificate=limits))

    assert (
        held(ANY, not_examined(spec, "the server did not start")["mine"])
        == "nothing was measured: the server did not start"
    )


def installed(place: Path, name: str, share: float) -> None:
    """A package that brings a check, as pip would lay it out."""
    (place / f"{name}.py").write_text(f"{OWN}return {{'measures': {{'share': {share}}}}}\n")
    info = place / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[baton.certificate_checks]\nmine = {name}:check\n")


def test_a_package_brings_its_check_by_entry_point_and_the_folders_own_goes_before(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    installed(tmp_path / "site", "their_checks", 0.5)
    bench = replace(bench, environment={**bench.environment, "PYTHONPATH": str(tmp_path / "site")})

    assert examined(bench, ANY)[0]["measures"] == {"share": {"value": 0.5}}
    installed(tmp_path / "site", "more_checks", 0.6)
    assert "2 packages have a check mine" in examined(bench, ANY)[0]["error"]
    own(bench, "return {'measures': {'share': 0.1}}")
    assert examined(bench, ANY)[0]["measures"] == {"share": {"value": 0.1}}


@pytest.mark.parametrize("name", ["robustness", "calibration", "importance"])
def test_batons_own_checks_run_by_their_name(bench: Bench, name: str) -> None:
    found, _ = examined(bench, Check(limits={}, max_seconds=60), name)

    assert found["measures"]


def test_the_champion_is_scored_through_its_own_score_py(bench: Bench, tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    champion.mkdir()
    (champion / "score.py").write_text(
        "import json\n\ndef init():\n    pass\n\ndef run(data):\n"
        "    return {'predictions': [row['X2'] - row['X1'] for row in json.loads(data)['data']]}\n"
    )
    own(bench, "return {'measures': {'share': subject.score_champion(subject.rows)[1]}}")
    with_champion = replace(bench, champion=Scorer(tmp_path, champion, sys.executable))

    assert examined(with_champion, ANY)[0]["measures"] == {"share": {"value": -0.15}}
    assert "ValueError: no version serves" in examined(bench, ANY)[0]["error"]
    (champion / "score.py").write_text("raise RuntimeError('gone')\n")
    assert "the champion could not be scored: RuntimeError: gone" in examined(with_champion, ANY)[0]["error"]


def test_of_very_many_rows_a_check_gets_some_from_first_to_last(bench: Bench) -> None:
    own(bench, "return {'measures': {'share': len(subject.rows) / subject.of, 'last': subject.rows[-1]['ID']}}")
    many = replace(bench, rows=[{"ID": place, "X1": 0.0, "X2": 0.0, "Y": 0.0} for place in range(5000)])

    assert examined(many, ANY)[0]["measures"] == {"share": {"value": 0.4}, "last": {"value": 4997}}


def test_the_documents_example_of_a_check_runs_as_it_stands(bench: Bench) -> None:
    document = (LINEAR.parents[2] / "docs" / "certificate.md").read_text()
    code = document.split("```python\n", 1)[1].split("```", 1)[0].replace("AGE", "X1")
    (bench.scorer.folder / "tests" / "checks" / "mine.py").write_text(code)

    found, _ = examined(bench, ANY)

    assert (found["measures"], found["words"]) == ({"falls": {"value": 0.0, "rows": 30}}, ["0 predictions fall"])
