"""What the app ships: every package has a licence that is allowed, or an exception with its reason; and a bill lists them all."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from tests.licences import LOCKS, PROJECT, TABLE, bill, faults, locked

SHIPPED = {name: locked((PROJECT / name).read_text()) for name in LOCKS}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_that_is_shipped_has_a_licence_that_is_allowed(lock: str) -> None:
    assert len(SHIPPED[lock]) > 20
    assert faults(SHIPPED[lock], TABLE) == []


def test_no_entry_is_left_over() -> None:
    shipped = set().union(*SHIPPED.values())
    assert TABLE["packages"].keys() == shipped
    assert TABLE["exceptions"].keys() <= shipped


@pytest.mark.parametrize(
    ("name", "licence", "fault"),
    [
        ("left-pad", None, "left-pad has no entry"),
        ("left-pad", "AGPL-3.0-only", "left-pad is under AGPL-3.0-only, which is not allowed"),
        ("left-pad", "MIT AND GPL-3.0-only", "which is not allowed"),
    ],
)
def test_a_package_that_may_not_be_shipped_is_found(name: str, licence: str | None, fault: str) -> None:
    packages = {**TABLE["packages"], **({name: licence} if licence else {})}
    (found,) = faults({name}, {**TABLE, "packages": packages})
    assert fault in found
    assert faults({name}, {**TABLE, "packages": {name: "GPL-2.0-only OR MIT"}}) == []


def test_the_table_says_what_the_packages_say_themselves() -> None:
    """Those that are installed here and give an SPDX expression."""
    said = {
        name: expression
        for name in TABLE["packages"]
        for installed in [next(iter(importlib.metadata.distributions(name=name)), None)]
        if installed and (expression := installed.metadata.get("License-Expression"))
    }
    assert len(said) > 40
    assert {name: TABLE["packages"][name] for name in said} == said


def test_a_bill_lists_every_package_with_version_hashes_and_licence(tmp_path: Path) -> None:
    lock = PROJECT / "requirements-azureml_v2.txt"
    made = bill(lock)
    assert {part["name"].lower() for part in made["components"]} == SHIPPED[lock.name]
    assert made["bomFormat"] == "CycloneDX"
    for part in made["components"]:
        assert part["version"]
        assert part["licenses"]
        assert any(one.get("hashes") for one in (part, *part.get("externalReferences", ())))
