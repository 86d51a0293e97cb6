"""`python -m tests.scale`: simulate, then write docs/scale.md and docs/scale.svg. Minutes; the same seed, the same page."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from tests.conftest import PROJECT
from tests.scale.page import page
from tests.scale.picture import draw
from tests.scale.scenario import Scenario
from tests.scale.simulation import Simulation


def main() -> None:
    usual = Scenario()
    options = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    options.add_argument("--sample", type=int, default=usual.sample, help="simulate every so-manieth model")
    options.add_argument("--hours", type=float, default=usual.hours)
    options.add_argument("--docs", type=Path, default=PROJECT / "docs", help="folder of page and picture")
    wanted = options.parse_args()
    logging.disable(logging.CRITICAL)
    found = Simulation(Scenario(sample=wanted.sample, hours=wanted.hours)).run()
    (wanted.docs / "scale.md").write_text(page(found))
    draw(found, wanted.docs / "scale.svg")
    print(f"{found.events:,} events simulated; {wanted.docs / 'scale.md'} is written")


if __name__ == "__main__":
    main()
