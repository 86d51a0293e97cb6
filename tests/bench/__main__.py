"""`make bench`: run every benchmark of this folder, one after the other, and write docs/benchmarks.md with its charts.

Each is a process of its own that prints one line of JSON (see figures.py), and can be run alone. `python -m tests.bench
router data` measures these two and takes the others as they were last measured here; the page dates each. Ends with 1 if
a limit is missed; the page then says so. A benchmark that fails leaves the page as it was.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.chart import draw
from tests.bench.figures import Result
from tests.bench.floods_chart import draw_floods
from tests.bench.page import Machine, Taken, page
from tests.conftest import PROJECT

PAGE, CHART, FLOODS = (PROJECT / "docs" / name for name in ("benchmarks.md", "benchmarks.svg", "floods.svg"))
KEPT = PROJECT / ".baton" / "bench"


def measure(name: str) -> None:
    """Keep what the benchmark `tests.bench.bench_<name>` found; ends everything if it found nothing."""
    began, load_before, at = time.monotonic(), os.getloadavg()[0], datetime.now(UTC)
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.bench.bench_{name}"], stdout=subprocess.PIPE, text=True, check=False
    )
    print(ended.stdout, end="", flush=True)
    if not ended.stdout:
        raise SystemExit(f"{name} failed; {PAGE.name} stays as it was")
    taken = Taken(at.isoformat(timespec="minutes"), time.monotonic() - began, load_before, os.getloadavg()[0])
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps({"result": json.loads(ended.stdout), "taken": asdict(taken)}))


def kept(name: str) -> tuple[Result, Taken]:
    """What the benchmark found when it was last run here, and when that was."""
    path = KEPT / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"{name} was not measured here yet. Next: python -m tests.bench {name}")
    found = json.loads(path.read_text())
    return Result.from_dict(found["result"]), Taken(**found["taken"])


def main() -> None:
    every = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    for name in sys.argv[1:] or every:
        measure(name)
    found = {name: kept(name) for name in every}
    results = {result.bench: result for result, _ in found.values()}
    machine = Machine(os.cpu_count() or 1, f"{platform.system()} {platform.machine()}", platform.python_version())
    PAGE.write_text(page(results, machine, {name: taken for name, (_, taken) in found.items()}))
    draw(results["drop"], CHART)
    draw_floods(results, FLOODS)
    missed = [figure.name for result in results.values() for figure in result.figures if not figure.met]
    if missed:
        sys.exit(f"missed the limit: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
