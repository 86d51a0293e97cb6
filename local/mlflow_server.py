"""The laptop's MLflow: tracking, registry and artefacts on one SQLite file, which only this server opens.

`python -m local.mlflow_server [--port P]` prints `{"ready": true, "url": ...}` once MLflow answers, and ends
with it on SIGTERM. A lock that the server's processes inherit keeps a second server off the same file, also
when the first one's daemon was killed.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from local.daemon import LOCALHOST, DaemonFailed, announce, answers, free_port, home_folder, log_to_stderr, wait_until

START_SECONDS = 240.0
STOP_SECONDS = 10.0
_QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job runner is another process of 230 MB that we have no use for
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


def command(folder: Path, port: int) -> list[str]:
    """The command line of the server whose state lies in `folder`."""
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
        "--serve-artifacts",
        *("--host", LOCALHOST, "--port", str(port), "--workers", "1"),
        "--uvicorn-opts=--no-access-log",
    ]


@contextmanager
def mlflow_server(folder: Path, *, port: int = 0) -> Iterator[str]:
    """A server over the state in `folder`, from when it answers until the block ends; yields its URL."""
    port = port or free_port()
    server = start(folder.resolve(), port)
    try:
        yield f"http://{LOCALHOST}:{port}"
    finally:
        stop(server)


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server in a process group of its own and wait until it answers; its log goes to stderr."""
    lock = _lock(folder)
    server = subprocess.Popen(
        command(folder, port),
        cwd=folder,
        env={**os.environ, **_QUIET},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        pass_fds=[lock],
    )
    os.close(lock)
    url = f"http://{LOCALHOST}:{port}/health"
    try:
        wait_until(
            lambda: server.poll() is not None or answers(url),
            timeout_seconds=START_SECONDS,
            what="MLflow did not answer",
        )
        if server.poll() is not None:
            raise DaemonFailed(f"MLflow ended with exit code {server.returncode}.", next="read the lines above")
    except BaseException:
        stop(server)
        raise
    return server


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and all its processes."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        server.wait(STOP_SECONDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _lock(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise DaemonFailed(
            f"another MLflow server has {folder / 'mlflow.db'}.", next="`baton down` ends it; then start again"
        ) from error
    return lock


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.mlflow_server", description="Run MLflow for the laptop.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port = parser.parse_args(arguments).port or free_port()
    log_to_stderr()
    asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_end.set())
    try:
        server = start((home_folder() / "mlflow").resolve(), port)
    except DaemonFailed as error:
        print(f"DaemonFailed: {error}", file=sys.stderr)
        return 1
    announce(url=f"http://{LOCALHOST}:{port}")
    while not asked_to_end.wait(0.5) and server.poll() is None:
        pass
    stop(server)
    return 0 if asked_to_end.is_set() else 1


if __name__ == "__main__":
    sys.exit(main())
