"""How long each container keeps what is in it: docs/data.md says what the Bicep sets."""

from __future__ import annotations

import re

import pytest

from shared.wiring import CONTAINERS
from tests.documents import ROOT


def told(page: str) -> dict[str, str]:
    """What the page's table says of each container."""
    section = page.split("## retention", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")
    ]
    return {name: row[1] for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def deleted_after(bicep: str) -> dict[str, int]:
    """The days after which the Bicep has the blobs of a container deleted."""
    (rules,) = re.findall(r"deleteAfterDays: \{([^}]*)\}", bicep)
    return {name: int(days) for name, days in re.findall(r"'(\w+)/': (\d+)", rules)}


PAGE, BICEP = (ROOT / "docs/data.md").read_text(), (ROOT / "infra/main.bicep").read_text()


def differences(page: str, bicep: str) -> list[str]:
    """The containers of which both say something else, or one of them nothing."""
    kept, deleted = told(page), deleted_after(bicep)
    days = {name: int(found[1]) for name, words in kept.items() if (found := re.fullmatch(r"(\d+) days", words))}
    return sorted({*kept} ^ {*CONTAINERS}) + sorted(
        name for name in {*days, *deleted} if days.get(name) != deleted.get(name)
    )


def test_the_page_says_of_each_container_what_the_bicep_sets() -> None:
    assert differences(PAGE, BICEP) == []


@pytest.mark.parametrize(
    ("page", "bicep", "found"),
    [
        (PAGE.replace("| `scored` | 90 days", "| `scored` | 91 days"), BICEP, ["scored"]),
        (PAGE, BICEP.replace("'quarantine/': 90, ", ""), ["quarantine"]),
        (
            PAGE.replace("| `deadletter` | 180 days |", "| `other` | 180 days |"),
            BICEP,
            ["deadletter", "other", "deadletter", "other"],
        ),
    ],
)
def test_a_page_that_says_something_else_is_found(page: str, bicep: str, found: list[str]) -> None:
    assert differences(page, bicep) == found
