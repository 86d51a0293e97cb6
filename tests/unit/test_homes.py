"""A home that a story is played in: empty each time, but for the model environments, which all homes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.daemon import fresh_home


def test_a_fresh_home_keeps_nothing_but_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    home = fresh_home("demo")
    (home / "stack.json").write_text("{}")
    (home / "envs" / "made").write_text("minutes of work")
    again = fresh_home("demo")
    assert again == home == tmp_path / "demo"
    assert [path.name for path in again.iterdir()] == ["envs"]
    assert (tmp_path / "envs" / "made").read_text() == (again / "envs" / "made").read_text() == "minutes of work"


def test_two_stories_use_the_same_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_HOME", str(tmp_path))
    demo, kinds = fresh_home("demo"), fresh_home("kinds")
    (demo / "envs" / "made").touch()
    assert (kinds / "envs" / "made").exists()
