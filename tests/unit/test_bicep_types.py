"""The Bicep files are of the types that Azure has, and a broken one is found, where this machine can tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import bicep_types
from tests.bicep import INFRA
from tests.bicep_types import SKIPPED, commands, faults

ACCOUNT = INFRA / "modules" / "account.bicep"


@pytest.fixture
def able() -> None:
    if not commands([ACCOUNT]):
        pytest.skip(SKIPPED)


@pytest.mark.usefixtures("able")
def test_the_files_are_of_the_types_that_azure_has() -> None:
    assert faults(sorted(INFRA.rglob("*.bicep"))) == ""


@pytest.mark.usefixtures("able")
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


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a `bicep` of these shell commands on PATH."""

    def put(script: str) -> None:
        (tmp_path / "bicep").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bicep").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return put


def test_what_is_of_a_wrong_type_is_found_though_the_compiler_only_warns(compiler: Callable[[str], None]) -> None:
    line = 'account.bicep(12,5) : Warning BCP037: The property "a" is not allowed on objects of type "b".'
    compiler(f"echo 'WARNING: a newer one is there' >&2; echo '{line}' >&2; echo '{{}}'")
    assert faults([ACCOUNT]) == line + "\n"


def test_other_warnings_of_the_compiler_are_no_faults(compiler: Callable[[str], None]) -> None:
    compiler("echo 'main.bicep(3,7) : Warning no-unused-params: Parameter \"a\" is never used.' >&2")
    assert faults([ACCOUNT]) == ""


def test_a_compiler_that_fails_without_a_word_is_no_pass(compiler: Callable[[str], None]) -> None:
    compiler("exit 139")
    assert faults([ACCOUNT]).endswith("account.bicep ended with 139 and said nothing\n")


@pytest.mark.parametrize("broken", ["raise SystemExit(1)", "import nothing_of_that_name"])
def test_types_that_cannot_be_read_are_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    (tmp_path / "check_bicep.py").write_text(broken)
    monkeypatch.setattr(bicep_types, "TYPES", tmp_path / "check_bicep.py")
    monkeypatch.setenv("PATH", "")
    assert faults([ACCOUNT])
    assert bicep_types.main() == 1
