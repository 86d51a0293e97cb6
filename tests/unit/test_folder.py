"""A folder's hash: its content and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from shared.files.folder import folder_files, folder_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "b.py").write_text("b")
    (tmp_path / "tests" / "a.json").write_text("a")
    return tmp_path


def test_the_hash_is_over_the_sorted_lines_of_hash_and_path(folder: Path) -> None:
    lines = f"{hashlib.sha256(b'b').hexdigest()}  b.py\n{hashlib.sha256(b'a').hexdigest()}  tests/a.json\n"
    assert folder_hash(folder) == hashlib.sha256(lines.encode()).hexdigest()[:16]


def test_caches_and_dot_files_do_not_count(folder: Path) -> None:
    before = folder_hash(folder)
    for place in ("__pycache__", ".git"):
        (folder / place).mkdir()
        (folder / place / "x").write_text("x")
    (folder / ".env").write_text("x")
    assert folder_hash(folder) == before


def test_links_do_not_count(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "b.py")
    assert folder_files(folder) == [folder / "b.py", folder / "tests" / "a.json"]


def test_another_name_is_another_folder(folder: Path) -> None:
    before = folder_hash(folder)
    (folder / "b.py").rename(folder / "c.py")
    assert folder_hash(folder) != before
