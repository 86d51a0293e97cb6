"""Draws that take hours are counted in parts: each once, however often they are asked for."""

from __future__ import annotations

from pathlib import Path

from tests.drift.kept import VALUES_A_PART, Kept
from tests.drift.rates import Rate, false_alarms

ROWS = VALUES_A_PART // 2  # two draws a part


def test_nothing_is_drawn_twice_and_more_draws_go_on_where_the_others_ended(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def count(shape: str, rows: int, draws: int, *, seed: int, first: int) -> Rate:
        asked.append((first, draws))
        return Rate(shape, rows, draws, 1)

    kept = Kept(tmp_path / "drift.jsonl", count)
    rates = [kept.rate("normal", ROWS, draws, seed=0) for draws in (3, 3, 5)]
    assert [(rate.draws, rate.alarms) for rate in rates] == [(3, 2), (3, 2), (5, 3)]
    assert asked == [(0, 2), (2, 1), (2, 2), (4, 1)]
    assert kept.rate("normal", ROWS, 3, seed=1, until=0).draws == 0


def test_a_draw_is_the_same_in_whichever_part_it_comes() -> None:
    whole = false_alarms("heavy-tailed", 30, 40, seed=3)
    parts = [false_alarms("heavy-tailed", 30, 20, seed=3, first=first) for first in (0, 20)]
    assert whole.alarms == sum(part.alarms for part in parts)
