"""`make bench`: run every benchmark of this folder in a process of its own; each prints one JSON line and ends with 1
if it misses its limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> None:
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    codes = [subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode for name in names]
    missed = [name for name, code in zip(names, codes, strict=True) if code]
    if missed:
        sys.exit(f"missed the limit or failed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
