"""`python -m local.environments models/*` builds the models' environments ahead and says how long each took."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from local.daemon import home_folder
from shared.platforms.local_run import read_json
from shared.runs.environments import EnvironmentFailed, Kind, python_for


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.environments", description="Build the environments of models."
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, help="model folders; what has no requirements.txt is passed over"
    )
    folders = [folder for folder in parser.parse_args(arguments).folders if (folder / "requirements.txt").exists()]
    try:
        for folder in folders:
            _report(folder, "run")
            _report(folder, "serving")
    except EnvironmentFailed as error:
        print(f"EnvironmentFailed: {error}", file=sys.stderr)
        return 1
    return 0


def _report(folder: Path, kind: Kind) -> None:
    began = time.monotonic()
    python = python_for(folder, kind, home=home_folder())
    count = len(read_json(python.parents[1] / "ready.json")["requirements"])
    print(
        f"{folder.name}: {kind} environment ready in {time.monotonic() - began:.1f} s ({count} requirements)",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
