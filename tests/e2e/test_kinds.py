"""A model of another kind through the whole chain: a binary classifier with groups and named classes, on a laptop of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.documents import ROOT


@pytest.mark.timeout(900)
def test_a_classifier_goes_live_is_replaced_by_a_better_one_and_a_mixed_up_drop_is_held() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.kinds", "loans"], cwd=ROOT, capture_output=True, text=True, timeout=880
    )
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    assert re.search(r"^loans: (live|replaced), live, held in \d+ s $", ran.stdout, re.MULTILINE), ran.stdout[-3000:]
