"""`make bench`: run every benchmark of this folder, one after the other, and write docs/benchmarks.md with its chart.

Each is a process of its own that prints one line of JSON (see figures.py), and can be run alone. Ends with 1 if a limit
is missed; the page then says so. A benchmark that fails leaves the page as it was.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.chart import draw
from tests.bench.figures import Result
from tests.bench.floods_chart import draw_floods
from tests.bench.page import Machine, page
from tests.conftest import PROJECT

PAGE, CHART, FLOODS = (PROJECT / "docs" / name for name in ("benchmarks.md", "benchmarks.svg", "floods.svg"))


def run(name: str) -> Result:
    """What the benchmark `tests.bench.<name>` found; ends everything if it found nothing."""
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{name}"], stdout=subprocess.PIPE, text=True, check=False
    )
    print(ended.stdout, end="", flush=True)
    if not ended.stdout:
        raise SystemExit(f"{name} failed; {PAGE.name} stays as it was")
    return Result.from_dict(json.loads(ended.stdout))


def machine(load_before: float) -> Machine:
    """What the figures were measured on."""
    return Machine(
        measured_at=datetime.now(UTC),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )


def main() -> None:
    began, load_before = time.monotonic(), os.getloadavg()[0]
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    results = {result.bench: result for result in map(run, names)}
    PAGE.write_text(page(results, machine(load_before), seconds=time.monotonic() - began))
    draw(results["drop"], CHART)
    draw_floods(results, FLOODS)
    missed = [figure.name for result in results.values() for figure in result.figures if not figure.met]
    if missed:
        sys.exit(f"missed the limit: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
