"""`python -m tests.packages [PLATFORM ...]` builds the package of each platform as Azure does, and starts the app in it.

Each gets a clean environment with its lock file alone, hashes checked, and the files that .funcignore lets through; in
that, the app's functions are listed and the platform's adapter is built, with nothing of this checkout in reach, and an event is taken
with the azure-functions that Azure's worker for Python 3.11 brings along, which wins over the package's own. It prints how
large both are. Takes a minute each and the package index.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from shared.platforms.packages import SDK
from tests.unit.test_settings import ON_AZUREML, ON_DATABRICKS

WORKER = "1.24.0"  # Azure/azure-functions-python-worker, workers/pyproject.toml
PROJECT = Path(__file__).resolve().parents[1]
START = """
import os, sys, time
began = time.perf_counter()
import function_app
listed = time.perf_counter() - began
assert len(function_app.app.get_functions()) > 5
heavy = [name for name in ("azureml.core", "azure.ai.ml", "databricks.sdk") if name in sys.modules]
assert not heavy, heavy
from shared import wiring
built = wiring.build(os.environ)
assert built.settings.platform == os.environ["BATON_PLATFORM"]
import {sdk}
import azure.functions as func
from functions.intake import delivered
assert func.__version__ == "{worker}", func.__file__
event = func.EventGridEvent(id="1", data={{}}, topic="t", subject="s", event_type="k", event_time=None, data_version="1")
assert delivered(event).topic == "t"
print(f"functions listed in {{listed:.2f}} s; the adapter is", type(built.parts.endpoints).__name__)
"""


def main(platforms: Sequence[str]) -> int:
    for platform in platforms or SDK:
        with tempfile.TemporaryDirectory() as scratch:
            print(f"{platform}: {_built(platform, Path(scratch))}", flush=True)
    return 0


def _built(platform: str, scratch: Path) -> str:
    package, environment = scratch / "package", scratch / "environment"
    count = _copy(package)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--no-project", "--python", sys.executable, str(environment)], check=True)
    python = str(environment / "bin/python")
    lock = str(PROJECT / f"requirements-{platform}.txt")
    subprocess.run([uv, "pip", "install", "-q", "--require-hashes", "--python", python, "-r", lock], check=True)
    worker = scratch / "worker"
    own = [
        uv,
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--python",
        python,
        "--target",
        str(worker),
        f"azure-functions=={WORKER}",
    ]
    subprocess.run(own, check=True)
    account = ";".join(
        f"{kind.title()}Endpoint=https://a.{kind}.core.windows.net" for kind in ("blob", "queue", "table")
    )
    settings = {
        **(ON_DATABRICKS if platform == "databricks" else ON_AZUREML),
        "BATON_PLATFORM": platform,
        "BATON_DATA": f"{account};ClientId=c",
        "HOME": str(scratch),
        "PYTHONPATH": str(worker),
        "PATH": "/usr/bin:/bin",
    }
    started = subprocess.run(
        [python, "-c", START.format(sdk=SDK[platform], worker=WORKER)],
        cwd=package,
        env=settings,
        capture_output=True,
        text=True,
    )
    if started.returncode:
        raise SystemExit(f"{platform}: the package does not start:\n{started.stderr[-3000:]}")
    sizes = f"{count} files, {_megabytes(package):.1f} MB; packages {_megabytes(environment / 'lib'):.0f} MB"
    return f"{sizes}; {started.stdout.strip()}"


def _copy(package: Path) -> int:
    """What git knows and .funcignore lets through."""
    kept = set(_files("--cached")) - set(_files("--cached", "--ignored", "--exclude-from=.funcignore"))
    for name in kept:
        target = package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, target)
    return len(kept)


def _files(*options: str) -> list[str]:
    said = subprocess.run(["git", "ls-files", "-z", *options], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in said.stdout.split("\0") if name and (PROJECT / name).is_file()]


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
