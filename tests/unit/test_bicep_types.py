"""The Bicep files are of the types that Azure has, and a broken one is found, where this machine can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bicep import INFRA
from tests.bicep_types import SKIPPED, commands, faults

ACCOUNT = INFRA / "modules" / "account.bicep"


@pytest.fixture(autouse=True)
def able() -> None:
    if not commands([ACCOUNT]):
        pytest.skip(SKIPPED)


def test_the_files_are_of_the_types_that_azure_has() -> None:
    assert faults(sorted(INFRA.rglob("*.bicep"))) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("allowSharedKeyAccess: false", "allowSharedKeysAccess: false"),
        ("  sku: { name: 'Standard_LRS' }\n", ""),
        ("allowBlobPublicAccess: false", "allowBlobPublicAccess: 'false'"),
        ("location: location", "location: region"),
        ("properties: { publicAccess: 'None' }\n}]", "properties: { publicAccess: 'None' }\n]"),
    ],
)
def test_a_broken_file_is_found(tmp_path: Path, old: str, new: str) -> None:
    source = ACCOUNT.read_text()
    assert old in source
    (tmp_path / "account.bicep").write_text(source.replace(old, new, 1))
    assert "account.bicep" in faults([tmp_path / "account.bicep"])
