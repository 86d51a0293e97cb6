"""Text that came from outside, where people read it: logs, reports, spreadsheets. It stays text, on its own line."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from shared import log
from shared.data.report import to_html, to_json
from shared.data.verdict import Problem, Verdict
from tests.deliveries import drop, reason
from tests.world import World

TRICKS = {
    "line feed": "a\nERROR  release live",
    "carriage return": "a\rERROR  release live",
    "next line": "a\u0085ERROR  release live",
    "line separator": "a\u2028ERROR  release live",
    "paragraph separator": "a\u2029ERROR  release live",
    "vertical tab": "a\x0bERROR",
    "form feed": "a\x0cERROR",
    "terminal escape": "a\x1b[2K\x1b[1A",
    "one-byte terminal escape": "a\x9b2K",
    "right-to-left override": "a\u202efdp.exe",
    "isolate": "a\u2066b\u2069",
    "zero width": "a\u200bb",
    "half a character": "a\ud800b",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_a_log_line_stays_one_line_that_shows_what_is_in_it(trick: str) -> None:
    told = log.line("drop heard", why=trick, next=trick, **{trick: 1})
    assert len(told.splitlines()) == 1
    assert all(letter.isprintable() for letter in told)
    found = re.search(r'why=("(?:[^"\\]|\\.)*")', told)
    assert found is not None
    assert json.loads(found[1]) == trick


@pytest.mark.parametrize(
    "trick", [trick for name, trick in TRICKS.items() if name not in ("zero width", "half a character")]
)
def test_a_blob_whose_name_plays_a_trick_is_refused_and_recorded(tmp_path: Path, trick: str) -> None:
    assert "holds a control or direction character" in reason(drop(f"diabetes/{trick}.csv"))


def test_a_name_in_any_language_is_no_trick(tmp_path: Path) -> None:
    """Arabic and Hebrew need no direction marks, and a family is one picture of three, joined by U+200D."""
    world = World(tmp_path)
    world.publish()
    world.settle()
    for name in (
        "\u0645\u0631\u0636\u0649",
        "\u05d7\u05d5\u05dc\u05d9\u05dd",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    ):
        world.drop(f"rows of {name}", name=name)
    world.settle()
    assert world.head().next_file == 4


FORMULAS = [
    "=1+1",
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0b1+1",
    "\uff20A",
]


def _refused(sample: str) -> Verdict:
    problem = Problem("type", "X", 1, (1,), (sample,), "X is no number", "send numbers")
    return Verdict(False, "0" * 64, 1, ("X",), (problem,))


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_in_a_cell_is_disarmed_in_the_report_that_people_copy_from(cell: str) -> None:
    page = to_html(_refused(cell), title="incoming/m/a.csv")
    (shown,) = re.findall(r"<dt>found</dt><dd><code>(.*?)</code>", page, re.DOTALL)
    assert shown[:1] not in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
    assert shown.startswith(("'", "&#x27;"))


@pytest.mark.parametrize("cell", ["-1", "+2.5", "-1e-3"])
def test_a_number_with_a_sign_is_shown_as_it_stood_there(cell: str) -> None:
    assert f"<code>{cell}</code>" in to_html(_refused(cell), title="t")


@pytest.mark.parametrize("cell", FORMULAS)
def test_the_report_for_programs_holds_the_value_itself(cell: str) -> None:
    """No spreadsheet opens JSON as cells; a program must get what stood there."""
    assert json.loads(to_json(_refused(cell)))["problems"][0]["samples"] == [cell]


@pytest.mark.parametrize("markup", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&lt;", "'\"><b>"])
def test_markup_in_a_name_or_a_cell_is_text_in_the_report(markup: str) -> None:
    page = to_html(_refused(markup), title=markup)
    assert markup not in page
    assert "<script" not in page
    assert "<img" not in page


def test_the_tricks_are_what_they_are_called() -> None:
    """So that nobody's editor mends the table silently."""
    kinds = {name: {unicodedata.category(letter) for letter in trick} for name, trick in TRICKS.items()}
    assert all(found & {"Cc", "Cf", "Zl", "Zp", "Cs"} for found in kinds.values())
