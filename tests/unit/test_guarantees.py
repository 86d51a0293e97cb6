"""docs/guarantees.md and docs/security.md: every test that they name exists, and the diagram is the stored summary's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.guarantees import DOCUMENT, states, with_block


@pytest.mark.parametrize("document", [DOCUMENT, ROOT / "docs/security.md"], ids=lambda path: path.stem)
def test_every_promise_names_a_test_that_exists(document: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", document.read_text()))
    assert named
    missing = {(path, name) for path, name in named if not (ROOT / path).exists()}
    missing |= {
        (path, name) for path, name in named - missing if name and f"def {name}(" not in (ROOT / path).read_text()
    }
    assert missing == set()


def test_the_diagram_is_what_the_search_last_saw() -> None:
    text = DOCUMENT.read_text()
    assert with_block(text, "states", states()) == text, (
        "run `python -m tests.guarantees` and commit docs/guarantees.md"
    )
