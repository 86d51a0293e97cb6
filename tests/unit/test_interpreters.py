"""Which other Python is believed to be on a machine: one that starts and says its version, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.runs.interpreters import installed


def python(place: Path, version: str, *, says: str = "", code: int = 0) -> Path:
    """A program called python<version> that says a version, or ends with a code, as pyenv's shims do."""
    place.mkdir(parents=True, exist_ok=True)
    program = place / f"python{version}"
    program.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    program.chmod(0o755)
    return program


def test_the_first_one_that_starts_and_says_the_version_is_taken(tmp_path: Path) -> None:
    python(tmp_path / "shims", "3.77", code=127)
    python(tmp_path / "lying", "3.77", says="3.7")
    found = python(tmp_path / "bin", "3.77", says="3.77")
    path = ":".join(str(tmp_path / name) for name in ("shims", "lying", "gone", "bin"))

    assert installed("3.77", {"PATH": path}) == found


@pytest.mark.parametrize("place", [".pyenv/versions/3.77.1/bin", ".local/share/uv/python/cpython-3.77.1-linux/bin"])
def test_those_of_pyenv_and_uv_are_found(tmp_path: Path, place: str) -> None:
    assert installed("3.77", {"HOME": str(tmp_path)}) is None
    found = python(tmp_path / place, "3.77", says="3.77")
    assert installed("3.77", {"HOME": str(tmp_path)}) == found


@pytest.mark.parametrize("version", ["", "3", "3.1.4", "2.7", "3.*", "3.77/../x", "latest"])
def test_what_is_no_version_is_not_looked_for(tmp_path: Path, version: str) -> None:
    python(tmp_path / "bin", "3.77", says=version)

    assert installed(version, {"PATH": str(tmp_path / "bin")}) is None
