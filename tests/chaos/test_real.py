"""5 kills and 24 drops with real parts; `python -m tests.chaos.real` is the large one."""

from __future__ import annotations

import os

import pytest

from tests.chaos.real import Size, run

SEED = int(os.environ.get("BATON_CHAOS_SEED", "11"))
SMALL = Size(drops=24, kills=5, pauses=1, models=2, files_a_batch=6, storm_seconds=60, seconds=900)


@pytest.mark.timeout(1200)
def test_killed_and_cut_off_at_random_it_loses_no_drop_and_does_nothing_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with capsys.disabled():
        print(f"\nchaos with real parts, seed {SEED} (BATON_CHAOS_SEED changes it): {SMALL}")
        found = run(SMALL, SEED, lambda text: print(f"  {text}", flush=True))
    assert found == []
