"""What a published folder says of its commit: nothing is believed that git did not answer."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cli.publishing import GitSilent, not_as_in, source_of

SILENT = """#!/bin/sh
[ "$1" = {question} ] && echo "fatal: {question} broke off" >&2 && exit 128
exec {git} "$@"
"""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A committed model folder with a file that was changed since."""
    made = tmp_path / "repository" / "m"
    made.mkdir(parents=True)
    (made / "train.py").write_text("pass\n")
    git(made, "init", "-q")
    git(made, "add", ".")
    git(made, "commit", "-qm", "as it is")
    (made / "train.py").write_text("import mlflow\n")
    return made


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A git that fails at one question."""
    found = subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
    fails = tmp_path / "bin" / "git"
    fails.parent.mkdir()
    fails.write_text(SILENT.format(question=request.param, git=found))
    fails.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fails.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_changed_file_is_named(folder: Path) -> None:
    assert not_as_in(git(folder, "rev-parse", "HEAD"), folder) == "train.py differs"


@pytest.mark.parametrize("silent", ["diff"], indirect=True)
def test_a_folder_is_not_taken_for_its_commit_where_git_could_not_compare(folder: Path, silent: None) -> None:
    with pytest.raises(GitSilent, match=r"git diff does not answer for .*/m: fatal: diff broke off"):
        not_as_in(git(folder, "rev-parse", "HEAD"), folder)


@pytest.mark.parametrize("silent", ["rev-parse"], indirect=True)
def test_why_git_names_no_commit_is_said(folder: Path, silent: None) -> None:
    """Such as a repository that belongs to somebody else, in a pipeline's container."""
    with pytest.raises(GitSilent, match="fatal: rev-parse broke off"):
        not_as_in("0" * 40, folder)


@pytest.mark.parametrize("silent", ["status"], indirect=True)
def test_a_folder_that_git_could_not_compare_is_published_as_changed(folder: Path, silent: None) -> None:
    sha = git(folder, "rev-parse", "HEAD")
    assert source_of(folder) == {"commit": f"{sha}+changed", "changed": True}


def test_a_folder_outside_of_a_repository_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert source_of(tmp_path) == {}
