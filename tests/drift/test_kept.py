"""Draws that take hours are counted in parts: each once, however often they are asked for."""

from __future__ import annotations

from pathlib import Path

from tests.drift.kept import VALUES_A_PART, Kept, turns
from tests.drift.rates import Rate, rate_of

ROWS = VALUES_A_PART // 2  # two draws a part


def test_nothing_is_drawn_twice_and_more_draws_go_on_where_the_others_ended(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def count(shape: str, rows: int, draws: int, *, seed: int, first: int, changed: bool) -> Rate:
        asked.append((first, draws))
        return Rate(shape, rows, draws, 1, draws)

    kept = Kept(tmp_path / "drift.jsonl", count)
    rates = [kept.rate("normal", ROWS, draws, seed=0) for draws in (3, 3, 5)]
    assert [(rate.draws, rate.alarms, rate.equal) for rate in rates] == [(3, 2, 3), (3, 2, 3), (5, 3, 5)]
    assert asked == [(0, 2), (2, 1), (2, 2), (4, 1)]
    assert kept.rate("normal", ROWS, 3, seed=1, until=0).draws == 0
    assert kept.rate("normal", ROWS, 3, seed=0, changed=True, until=0).draws == 0


def test_shapes_take_turns_by_whole_parts() -> None:
    assert turns(1_000, 50_000) == list(range(100, 1_001, 100))
    assert turns(20, 10_000_000) == list(range(2, 21, 2))
    assert turns(30, 500) == [30]


def test_a_draw_is_the_same_in_whichever_part_it_comes() -> None:
    whole = rate_of("heavy-tailed", 30, 40, seed=3, changed=True)
    parts = [rate_of("heavy-tailed", 30, 20, seed=3, first=first, changed=True) for first in (0, 20)]
    assert 0 < whole.alarms == sum(part.alarms for part in parts)
