"""docs/guarantees.md: every test that it names exists, and its diagram is the stored summary's."""

from __future__ import annotations

import re

from tests.documents import ROOT
from tests.guarantees import DOCUMENT, states, with_block


def test_every_promise_names_a_test_that_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT.read_text()))
    assert named
    missing = {(path, name) for path, name in named if f"def {name}(" not in (ROOT / path).read_text()}
    assert missing == set()


def test_the_diagram_is_what_the_search_last_saw() -> None:
    text = DOCUMENT.read_text()
    assert with_block(text, "states", states()) == text, (
        "run `python -m tests.guarantees` and commit docs/guarantees.md"
    )
