"""The page says what was counted, and no more."""

from __future__ import annotations

import pytest

from tests.drift.page import BEGIN, END, PAGE, PRINTED, printed, redrawn, section
from tests.drift.picture import drawn
from tests.drift.rates import Rate

CALM, LOUD = Rate("normal", 500, 1_000, 0, 1_000), Rate("constant", 500, 100, 30, 100)
MOVED = Rate("normal", 500, 50, 40, 49)


def test_rates_stand_with_their_intervals_and_what_they_do_not_show() -> None:
    told = section([CALM, Rate("constant", 500, 20, 0, 20)], [MOVED], 1)
    assert "| 500 | normal | 1,000 | 0 | 0.00% to 0.38% | 100.0% |" in told
    assert "1 of 2 surely below" in told
    assert "500 rows: 20 to 1,000" in told
    assert "in 49, 98.0%" in told


def test_a_rate_that_is_surely_too_high_is_said_first_and_drawn_in_red() -> None:
    assert "surely above 1%: constant at 500 rows" in section([CALM, LOUD], [MOVED], 1)
    assert drawn([CALM], 0.01).count("#b42318") < drawn([CALM, LOUD], 0.01).count("#b42318")


def test_only_what_stands_between_the_marks_is_written_anew() -> None:
    assert redrawn(f"a\n{BEGIN}\nold\n{END}\nb", "new") == "a\nnew\nb"
    with pytest.raises(SystemExit, match="no part between"):
        redrawn("a", "new")


@pytest.mark.parametrize("name", PRINTED)
def test_the_page_has_a_part_for_each_table_that_is_printed(name: str) -> None:
    assert "| a line |" in printed(PAGE.read_text(encoding="utf-8"), name, "| a line |\n")
