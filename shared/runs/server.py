"""Microsoft's inference server, really started for a version: on a loopback port of its own, ended whatever happens.

The command is the server's own application behind gunicorn, since its `azmlinfsrv` binds every interface
(azureml-inference-server-http 1.5.1). gunicorn gets a listening socket, so the port is ours before it starts, and a
request waits for the worker instead of being refused.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.errors import RunFailed
from shared.runs.owner_code import owner_environment, raised
from shared.runs.scoring import Scorer

APPLICATION = "azureml_inference_server_http.server.entry:app"
CHAINED = "The above exception was the direct cause of the following exception:"
END_SECONDS = 10.0
ANSWER_SECONDS = 60.0


class ServerFailed(RunFailed):
    """The server did not start, or did not become healthy in time; the message has the owner's last error."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer: its status (0: none came), its text, and how long it took."""

    status: int
    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started: its process, its loopback port, and the file that it logs to."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, method: str, path: str, body: bytes | None = None, *, max_seconds: float = ANSWER_SECONDS) -> Answer:
        """One request on a connection of its own. A connection that breaks is an answer with status 0."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=max_seconds)
        started = time.perf_counter()
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(response.status, response.read().decode(errors="replace"), time.perf_counter() - started)
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, f"no answer: {type(error).__name__} {error}", time.perf_counter() - started)
        finally:
            connection.close()

    @property
    def url(self) -> str:
        """Where it is asked to score."""
        return f"http://127.0.0.1:{self.port}/score"

    def score(self, body: bytes) -> Answer:
        """The answer to one scoring request."""
        return self.ask("POST", "/score", body)

    def until_healthy(self, *, max_seconds: float) -> None:
        """Wait until `/` answers; raise `ServerFailed` with the reason if it does not, or not in time."""
        answer = self.ask("GET", "/", max_seconds=max_seconds)
        if answer.status != 200:
            waited = f"not healthy after {answer.seconds:.1f} s, of {max_seconds:.0f} s that it had"
            raise ServerFailed(
                owner_error(self.log_lines()) or waited,
                next="mend init() in score.py, or raise gates.certificate.start_seconds in model.yaml",
            )

    def log_lines(self) -> list[str]:
        """What the server and the owner's code printed so far."""
        return self.log.read_text(errors="replace").splitlines()

    def memory_mb(self) -> float | None:
        """The largest resident size of its workers so far, in MB; None where there is no /proc."""
        sizes = [_peak_kb(pid) for pid in self._workers()]
        return max(sizes) / 1000 if sizes else None

    def end(self) -> None:
        """End it and its workers at once; safe to repeat."""
        workers = self._workers()
        self.process.send_signal(signal.SIGQUIT)  # gunicorn's quick end: it waits for no worker
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            for pid in workers:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def _workers(self) -> list[str]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return children.read_text().split() if children.exists() else []


@contextmanager
def started(scorer: Scorer, *, scratch: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A server for the version, starting; it is ended at the end of the block."""
    log = scratch / "server.log"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening, log.open("wb") as printed:
        command = [scorer.python, "-m", "gunicorn", "--bind", f"fd://{listening.fileno()}", "--workers", "1"]
        process = subprocess.Popen(
            [*command, "--timeout", "300", APPLICATION],
            cwd=scratch,
            env=_environment(scorer, scratch, environment),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
        )
        server = Server(process, listening.getsockname()[1], log)
    try:
        yield server
    finally:
        server.end()


def owner_error(log: list[str]) -> str:
    """What score.py raised while the server loaded it, "" if it raised nothing.

    The server raises its own UserScript error from the owner's, after other tracebacks that mean nothing.

    >>> owner_error(["KeyError: 'w'", "", CHAINED, "", "Traceback:", "a.user_script.UserScriptException: Caught"])
    "score.py raised KeyError: 'w'"
    """
    if not any("user_script.UserScript" in line for line in log):
        return ""
    if CHAINED not in log:
        return next(line for line in reversed(log) if "user_script.UserScript" in line)
    last = max(number for number, line in enumerate(log) if line == CHAINED)
    return f"score.py raised {raised(log[:last])}"


def _environment(scorer: Scorer, scratch: Path, environment: Mapping[str, str]) -> dict[str, str]:
    return owner_environment(
        environment,
        AML_APP_ROOT=str(scratch),
        AZUREML_ENTRY_SCRIPT=str((scorer.folder / "score.py").resolve()),
        AZUREML_MODEL_DIR=str(scorer.model.resolve()),
    )


def _peak_kb(pid: str) -> int:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
