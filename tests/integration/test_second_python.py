"""A version under a second Python: the same answers, other answers, or none, each by processes that really start."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.certificates.certificate import certify
from shared.model_yaml.gate_spec import Check
from shared.runs.check_one import Row
from shared.runs.checks import second_python
from shared.runs.examine import sure
from shared.runs.interpreters import others
from shared.runs.materialise import other_pythons
from shared.spec import CertificateLimits
from tests.known import Known, value

LINEAR = Path(__file__).parents[1] / "models" / "linear"
ROWS: list[Row] = [{"ID": place, "X1": place / 7, "X2": -place / 3, "Y": place / 5} for place in range(30)]
DECLARED = (
    """size_mb: 1, checks: {second_python: {parameters: {python: "%s"}, limits: {largest_difference: at most 1e-9}}}}"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a model that needs no package; the check runs in a folder of its own, as in a run."""
    monkeypatch.chdir(tmp_path)
    made = shutil.copytree(LINEAR, tmp_path / "inputs" / "folder")
    (made / "requirements.txt").write_text("# nothing\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.json").write_text("[0.1, 2.0, -1.0]")
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where environments are kept, so that two tests need one of them once."""
    return tmp_path_factory.mktemp("home")


def interpreters(folder: Path, home: Path, version: str) -> dict[str, dict[str, str]]:
    """What a certifying run would have, where model.yaml declares that version."""
    spec = folder / "model.yaml"
    spec.write_text(spec.read_text().replace("size_mb: 1}", DECLARED % version))
    return others(other_pythons(folder, home=home))


def subject(folder: Path, version: str, found: Any, shift: float = 0.0) -> Known:
    known = Known(
        ROWS,
        lambda row: shift * (row["ID"] == 3) + 0.1 + 2.0 * row["X1"] - row["X2"],
        trained=ROWS[:5],
        pythons=found,
        python=version,
    )
    known.folder, known.model = folder, folder.parents[1] / "model"
    return known


def why_held(found: dict[str, Any]) -> str:
    limits = CertificateLimits(checks={"second_python": Check(limits={"largest_difference": "at most 1e-9"})})
    result = certify(limits, {"checks": {"second_python": found}}).results[-1]
    assert result.gate == "check_second_python"
    return "" if result.passed else result.why


def test_a_model_answers_the_same_under_a_second_python_and_another_answer_holds(
    folder: Path, home: Path, other_python: str
) -> None:
    found = interpreters(folder, home, other_python)
    same = second_python.check(subject(folder, other_python, found))
    apart = second_python.check(subject(folder, other_python, found, shift=4.0))

    assert why_held(sure(same)[0]) == ""
    assert (value(same, "largest_difference"), value(same, "changed")) == (0.0, 0.0)
    assert same["words"][0].startswith(f"CPython {other_python}.")
    assert same["words"][1] == "compared on 30 holdout and 5 training rows"
    assert value(apart, "changed") == round(2 / 35, 9)  # row 3 is a holdout row and a training row
    assert why_held(sure(apart)[0]).startswith("largest_difference 0.")


def test_a_score_py_that_does_not_run_there_holds_with_what_it_raised(
    folder: Path, home: Path, other_python: str
) -> None:
    found = interpreters(folder, home, other_python)
    score = folder / "score.py"
    score.write_text(f"import sys\n\nassert sys.version_info[:2] != {tuple(map(int, other_python.split('.')))}\n")

    with pytest.raises(ValueError, match=rf"Python {other_python} could not be scored: AssertionError"):
        second_python.check(subject(folder, other_python, found))


def test_requirements_that_cannot_be_installed_there_hold_with_the_installers_words(
    folder: Path, home: Path, other_python: str, tmp_path: Path
) -> None:
    (folder / "requirements.txt").write_text(f'absent @ file://{tmp_path}/a.whl ; python_version == "{other_python}"\n')

    with pytest.raises(ValueError, match="the requirements of folder cannot be installed: .*a\\.whl"):
        second_python.check(subject(folder, other_python, interpreters(folder, home, other_python)))


def test_a_python_that_is_not_on_the_machine_holds(folder: Path, home: Path) -> None:
    found = interpreters(folder, home, "3.77")

    assert json.loads(json.dumps(found)) == {"3.77": {"missing": "there is no Python 3.77 on this machine."}}
    with pytest.raises(ValueError, match=r"there is no Python 3\.77 on this machine"):
        second_python.check(subject(folder, "3.77", found))


def test_a_check_that_names_no_version_measures_nothing(folder: Path) -> None:
    with pytest.raises(ValueError, match="no check has the parameter python: "):
        second_python.check(subject(folder, "", {}))


def test_an_answer_that_is_no_number_is_no_small_difference() -> None:
    with pytest.raises(ValueError, match="no finite number"):
        second_python.largest_difference([[0.5, 0.5]], [[0.5, float("nan")]], ())
