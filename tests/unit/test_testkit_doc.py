"""docs/testkit.md shows the example as it is, and names the faults that there are."""

from __future__ import annotations

import re

from local.faultplan import Kind
from tests.documents import ROOT

DOCUMENT = (ROOT / "docs" / "testkit.md").read_text()
EXAMPLE = ROOT / "examples" / "linecount"


def test_the_example_stands_in_the_document_as_it_is_tested() -> None:
    shown = set(re.findall(r"```(?:python|json)\n(.*?)```", DOCUMENT, re.DOTALL))
    for name in ("function_app.py", "subscriptions.json", "test_linecount.py"):
        assert (EXAMPLE / name).read_text() in shown, f"copy {name} into docs/testkit.md"


def test_the_document_names_every_fault_and_no_other() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \| .* \| \**(?:yes|no)\** \|$", DOCUMENT, re.MULTILINE) == list(Kind)


def test_the_plan_that_the_document_shows_is_one() -> None:
    from local.faultplan import Plan

    (shown,) = re.findall(r"follow\((Plan\(seed.*\))\)", DOCUMENT)
    assert eval(shown, {"Plan": Plan}).rates == {"table": {"lost": 0.05, "throttled": 0.05}}  # noqa: S307 - our own text
