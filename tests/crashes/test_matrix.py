"""Whatever call the process ends at, the end is the end without it, and each effect is there exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared import release
from tests.crashes.matrix import cells, differences, end_of, play, prepare
from tests.crashes.scenes import SCENES
from tests.guarantees import DOCUMENT, crashes, with_block
from tests.histories.oracle import check_platform, check_rows


def test_every_event_kind_has_its_scene() -> None:
    assert set(SCENES) == {kind.__name__ for kind in (*release.MOVES, *release.OUTCOME_MOVES)}


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_a_fault_at_any_call_changes_neither_end_nor_effects(tmp_path: Path, kind: str) -> None:
    prepared = prepare(kind, tmp_path)
    assert any(decided == kind for decided, _ in prepared.end["decided"]), f"{kind} was never decided"
    failed = []
    for cell in cells(kind, prepared.calls):
        run = play(prepared, cell)
        if found := differences(end_of(run), prepared.end):
            failed.append((cell, found))
        else:
            check_rows(run.world)
            check_platform(run.world)
    assert failed == [], "\n".join(f"{cell}: {found}" for cell, found in failed)


def test_the_documents_table_counts_what_is_played() -> None:
    text = DOCUMENT.read_text()
    assert with_block(text, "crashes", crashes()) == text, "run `python -m tests.guarantees` and commit what it writes"
