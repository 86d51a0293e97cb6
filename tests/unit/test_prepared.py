"""A contract that was read before is read no second time, and never taken for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.data import prepared
from shared.data.prepared import contract_of
from shared.errors import SpecRefused
from tests.conftest import PROJECT

CONTRACT = PROJECT / "models" / "diabetes" / "contract.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A contract in a folder of the test's own."""
    copy = tmp_path / "contract.yaml"
    copy.write_bytes(CONTRACT.read_bytes())
    return copy


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """An empty folder for contracts that were read."""
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def test_the_second_time_nobody_reads_it(file: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = contract_of(file, kept)
    monkeypatch.delattr(prepared, "_read")
    assert contract_of(file, kept) == first


def test_a_changed_contract_is_another(file: Path, kept: Path) -> None:
    before = contract_of(file, kept)
    file.write_text(file.read_text().replace("required: true", "required: false", 1))
    assert contract_of(file, kept) != before


def test_a_contract_that_cannot_be_used_is_refused_each_time_and_leaves_nothing(file: Path, kept: Path) -> None:
    file.write_text("kind: nothing")
    for _ in range(2):
        with pytest.raises(SpecRefused, match="contract.yaml is no contract"):
            contract_of(file, kept)
    assert list(kept.iterdir()) == []


def test_a_folder_that_went_is_no_fault(file: Path, kept: Path) -> None:
    kept.rmdir()
    assert contract_of(file, kept) == contract_of(file, None)


def test_the_folder_is_for_this_user_alone() -> None:
    assert prepared.folder().stat().st_mode & 0o077 == 0
