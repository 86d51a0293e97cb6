"""A server's processes: Microsoft's inference server behind gunicorn, begun, found again and ended.

The server's own command binds every interface (azureml-inference-server-http 1.5.1), so its application runs behind
gunicorn on a listening socket that it inherits: the port is on 127.0.0.1 and taken before the server starts.
A server outlives its router. It is found again by a token in its command line, which is on disk before it starts.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local.daemon import LOCALHOST
from shared.runs.owner_code import owner_environment, raised

APPLICATION = "azureml_inference_server_http.server.entry:app"
SETTINGS = Path(__file__).with_name("gunicorn_settings.py")
BACKLOG = 512
END_SECONDS = 8.0
LOG_BYTES = 4 * 1024 * 1024
LAST_LINES = 6
_PROCESSES = Path("/proc")
_SERVERS_OWN = "azureml_inference_server_http.server.user_script."
_WRAPPED = re.compile(r"UserScript(Import)?Exception|direct cause of the following")  # the cause stands before these


@dataclass(frozen=True, slots=True)
class Plan:
    """What a server is made of: the serving environment's Python, the folder with score.py, the model's files."""

    python: Path
    code: Path
    model: Path
    log: Path
    answer_seconds: float


@dataclass(slots=True)
class ServerProcess:
    """A running server, by its first process; `child` if this router began it."""

    pid: int
    token: str
    child: subprocess.Popen[bytes] | None = None

    def ended(self) -> str:
        """How it ended; "" while it runs."""
        if self.child is not None:
            code = self.child.poll()
            return "" if code is None else f"exit code {code}" if code >= 0 else f"signal {-code}"
        return "" if self.token in _command(self.pid) else "its process is gone"

    async def stop(self) -> None:
        """Let it finish what it answers, at most for `END_SECONDS`; then nothing of it is left."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        if not self.ended():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while not self.ended() and time.monotonic() < deadline:
            time.sleep(0.05)
        end_all(self.token)
        if self.child is not None:
            self.child.wait()


def new_token(model: str, name: str) -> str:
    """What the command line of one server's processes holds, and nothing else does."""
    return f"baton:{model}:{name}:{secrets.token_hex(8)}"


def listen() -> socket.socket:
    """A listening socket on a free port of 127.0.0.1."""
    return socket.create_server((LOCALHOST, 0), backlog=BACKLOG)


def launch(plan: Plan, listening: socket.socket, token: str) -> ServerProcess:
    """Start a server on the socket, which it inherits; it says in `plan.log` what becomes of it."""
    command = [str(plan.python), "-m", "gunicorn", "--config", str(SETTINGS), "--name", token]
    command += ["--bind", f"fd://{listening.fileno()}", "--timeout", f"{plan.answer_seconds:.0f}", APPLICATION]
    environment = owner_environment(
        os.environ,
        AML_APP_ROOT=str(plan.code),
        AZUREML_ENTRY_SCRIPT=str(plan.code / "score.py"),
        AZUREML_MODEL_DIR=str(plan.model),
    )
    with suppress(FileNotFoundError):
        plan.log.rename(plan.log.with_suffix(".before.log"))
    with plan.log.open("ab") as printed:
        child = subprocess.Popen(
            command,
            cwd=plan.code,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            pass_fds=[listening.fileno()],
            start_new_session=True,
        )
    return ServerProcess(child.pid, token, child)


def find(token: str) -> ServerProcess | None:
    """The server with this token, whoever began it."""
    with suppress(ProcessLookupError):
        for pid in _pids(token):
            if os.getpgid(pid) == pid:
                return ServerProcess(pid, token)
    return None


def end_all(token: str) -> None:
    """Kill whatever is left of a server."""
    for pid in _pids(token):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def last_words(log: Path) -> str:
    """What the owner's code raised with the end of its traceback; the last lines if it raised nothing."""
    lines = [line for line in _tail(log) if not _WRAPPED.search(line)]
    cause = raised(lines)
    until = len(lines) - lines[::-1].index(cause) if cause in lines else len(lines)
    told = "\n".join(lines[max(0, until - LAST_LINES) : until])
    return f"{cause.removeprefix(_SERVERS_OWN)}; its log ends:\n{told}" if cause else told


def shorten(log: Path) -> None:
    """Keep a log from growing for ever: the older half goes when it is too long."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        with log.open("r+b") as file:
            file.seek(-LOG_BYTES // 2, os.SEEK_END)
            kept = file.read()
            file.seek(0)
            file.truncate()
            file.write(kept)


def _tail(log: Path) -> list[str]:
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16 * 1024))
        text = file.read().decode(errors="replace")
    return [re.sub(r"\s+$", "", line) for line in text.splitlines() if line.strip()]


def _pids(token: str) -> list[int]:
    return [pid for pid, command in _commands() if token in command]


def _commands() -> Iterator[tuple[int, str]]:
    """All processes with their command lines. Linux has /proc; elsewhere `ps` tells."""
    if (_PROCESSES / "self" / "cmdline").exists():
        for entry in _PROCESSES.iterdir():
            if entry.name.isdigit():
                yield int(entry.name), _command(int(entry.name))
        return
    said = subprocess.run(["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True).stdout
    for line in said.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command


def _command(pid: int) -> str:
    """The command line of a process; "" if it is gone or a zombie."""
    if (_PROCESSES / "self" / "cmdline").exists():
        try:
            return (_PROCESSES / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    ps = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True)
    return ps.stdout
