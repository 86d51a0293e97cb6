"""Environments of models: built once, found again, refused with a remedy. Nothing here asks a package index."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.runs.environments import EnvironmentFailed, python_for, requirements


def model(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text(text)
    return folder


def test_an_environment_is_a_working_interpreter_of_its_own(tmp_path: Path) -> None:
    python = python_for(model(tmp_path / "pulse", "# nothing\n"), "run", home=tmp_path / "home")
    prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(prefix.stdout.strip()) == python.parents[1]


def test_models_with_the_same_requirements_share_an_environment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    one = python_for(model(tmp_path / "one", "# a comment\n\n"), "run", home=home)
    other = python_for(model(tmp_path / "other", ""), "run", home=home)
    assert one == other


def test_callers_at_the_same_time_build_an_environment_once(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", "")
    with ThreadPoolExecutor(4) as callers:
        pythons = set(callers.map(lambda _: python_for(folder, "run", home=tmp_path / "home"), range(4)))
    assert len(pythons) == 1
    assert len(list((tmp_path / "home" / "envs").glob("run-*/ready.json"))) == 1


def test_a_half_built_environment_is_built_again(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", "")
    python = python_for(folder, "run", home=tmp_path / "home")
    (python.parents[1] / "ready.json").unlink()
    python.unlink()
    assert python_for(folder, "run", home=tmp_path / "home").exists()


def test_requirements_that_cannot_be_installed_are_said_with_the_installers_words(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", f"absent @ file://{tmp_path}/absent-1.0-py3-none-any.whl\n")
    with pytest.raises(EnvironmentFailed, match=r"absent.*Next: mend requirements\.txt"):
        python_for(folder, "run", home=tmp_path / "home")


def test_a_folder_without_requirements_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"has no requirements\.txt"):
        python_for(tmp_path, "run", home=tmp_path / "home")


def test_requirements_in_other_files_are_refused(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", "-r others.txt\n")
    with pytest.raises(EnvironmentFailed, match=r"'-r others\.txt', which its hash does not cover"):
        requirements(folder, "run")


def test_an_environment_of_checks_has_what_they_need_beside_the_folders_own(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", "numpy==2.4.6\njoblib==1.6.0\n")
    (folder / "tests" / "checks").mkdir(parents=True)
    (folder / "tests" / "checks" / "requirements.txt").write_text("numpy==2.4.6\nskl2onnx==1.20.0  # converts\n")
    assert requirements(folder, "checks") == ("numpy==2.4.6", "joblib==1.6.0", "skl2onnx==1.20.0")


def test_a_scoring_environment_has_what_score_py_needs_and_no_server(tmp_path: Path) -> None:
    folder = model(tmp_path / "pulse", "numpy==2.4.6\nmlflow-skinny==3.17.2\n")
    assert requirements(folder, "scoring") == ("numpy==2.4.6",)


def test_another_python_gets_an_environment_of_its_own(tmp_path: Path, other_python: str) -> None:
    folder = model(tmp_path / "pulse", "")
    ours, other = (python_for(folder, "scoring", home=tmp_path, version=version) for version in ("", other_python))
    assert ours.parents[1] != other.parents[1]
    told = subprocess.run([other, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith(f"{other_python}.")


def test_a_python_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"there is no Python 3\.77 on this machine.*Next: put python3\.77 on"):
        python_for(model(tmp_path / "pulse", ""), "scoring", home=tmp_path, version="3.77")


def test_a_serving_environment_has_the_server_and_no_mlflow(tmp_path: Path) -> None:
    text = "scikit-learn==1.9.1\nmlflow-skinny==3.17.2  # logs\nmlflow[extras]>=3\nMLflow\nmlflow-export-import==1\n"
    assert requirements(model(tmp_path / "pulse", text), "serving") == (
        "azureml-inference-server-http==1.5.1",
        "gunicorn>=23,<27",
        "scikit-learn==1.9.1",
        "mlflow-export-import==1",
    )
