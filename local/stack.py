"""The laptop's stack: every real part of Baton on 127.0.0.1, started in order, each waited for by asking it.

The process that starts the stack ends it. `stack.json` in BATON_HOME tells other terminals where
everything is; ports are kept from one start to the next where they are still free.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import processes
from local.azurite import ACCOUNT, KEY
from local.daemon import LOCALHOST, DaemonFailed, free_port
from shared import wiring
from shared.settings import kept_keys

USERS = ("operations", "data-scientist", "data-engineer")
PORTS = ("azurite_blob", "azurite_queue", "azurite_table", "blob", "eventgrid", "host", "mlflow", "router")
FAULT_PORTS = ("fault_blob", "fault_queue", "fault_table", "fault_switch")
THREADS = "32"  # as in infra/modules/app.bicep
START_SECONDS = 260.0
Say = Callable[[str, float], None]


@dataclass
class Stack:
    """A running stack: where its parts answer, and the environment that they share."""

    home: Path
    env: dict[str, str]
    ports: dict[str, int]
    compress: float = 1.0
    daemons: list[processes.Daemon] = field(default_factory=list)

    @property
    def dead(self) -> list[processes.Daemon]:
        """Parts that ended by themselves."""
        return [daemon for daemon in self.daemons if not daemon.lives]

    def start(self, name: str) -> processes.Daemon:
        """Start a part, or start it again if it has ended; returns when it answers."""
        arguments = dict(_parts(self))[name]
        log = self.home / "logs" / f"{name}.log"
        daemon = processes.start(name, arguments, self.env, log, within_seconds=START_SECONDS)
        self.daemons = [each for each in self.daemons if each.name != name] + [daemon]
        return daemon

    def stop(self) -> None:
        """End every part, the last one started first."""
        for daemon in reversed(self.daemons):
            daemon.stop()
        (self.home / "stack.json").unlink(missing_ok=True)


@contextlib.contextmanager
def running(
    home: Path, say: Say, *, extra: Mapping[str, str] | None = None, faults: bool = False, compress: float = 1.0
) -> Iterator[Stack]:
    """Start everything and end it on leaving. `say` is told each part and its seconds; `extra` overrides settings.

    With `faults` every storage client goes through a fault proxy, which breaks nothing until its switch (port
    `fault_switch`) says so. `compress` divides the pauses of Event Grid's retry schedule.
    """
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    _refuse_second(home)
    ports = _ports(home, PORTS + FAULT_PORTS if faults else PORTS)
    stack = Stack(home, _environment(home, ports, extra or {}), ports, compress)
    try:
        for name, _ in _parts(stack):
            began = time.monotonic()
            stack.start(name)
            if name == "blobfront":
                wiring.create_storage(data_connection(ports, "blob", "azurite_queue", "azurite_table"))
            say(name, time.monotonic() - began)
        _write_state(stack)
        yield stack
    finally:
        stack.stop()


def _parts(stack: Stack) -> list[tuple[str, list[str]]]:
    port, home = {name: str(number) for name, number in stack.ports.items()}, str(stack.home)
    azurite = [port["azurite_blob"], port["azurite_queue"], port["azurite_table"]]
    behind = f"http://{LOCALHOST}:{port['azurite_blob']}/{ACCOUNT}"
    topic = f"http://{LOCALHOST}:{port['eventgrid']}/topics/storage"
    host = f"http://{LOCALHOST}:{port['host']}"
    workspace = [
        ("mlflow", ["local.mlflow_server", "--port", port["mlflow"]]),
        ("router", ["local.serving", "--home", home, "--port", port["router"]]),
    ]
    is_local = stack.env.get("BATON_PLATFORM", "local") == "local"  # else the workspace is somewhere else
    return [
        ("azurite", ["local.azurite", "--home", home, "--ports", *azurite]),
        (
            "eventgrid",
            ["local.eventgrid", "--host", host, "--port", port["eventgrid"], "--compress", str(stack.compress)],
        ),
        (
            "blobfront",
            ["local.blobfront", "--upstream", behind, "--topic", f"{topic}/api/events", "--port", port["blob"]],
        ),
        *_faults(stack),
        *(workspace if is_local else []),
        ("host", ["local.host", "--port", port["host"], "--state", f"{home}/host"]),
        *([("workspace", ["local.workspace"])] if is_local else []),
    ]


def _faults(stack: Stack) -> list[tuple[str, list[str]]]:
    """The fault proxy, where there is one: before the blob front, and before Azurite's queues and tables."""
    if "fault_switch" not in stack.ports:
        return []
    before = {"blob": "blob", "queue": "azurite_queue", "table": "azurite_table"}
    behind = [
        word for name, at in before.items() for word in (f"--{name}", f"http://{LOCALHOST}:{stack.ports[at]}/{ACCOUNT}")
    ]
    return [("faults", ["local.faults", *behind, "--ports", *(str(stack.ports[name]) for name in FAULT_PORTS)])]


def data_connection(ports: Mapping[str, int], blob: str, queue: str, table: str) -> str:
    """The data account's connection string, by the names of the ports that blobs, queues and tables are asked at."""
    blob_url, queue_url, table_url = (f"http://{LOCALHOST}:{ports[name]}/{ACCOUNT}" for name in (blob, queue, table))
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={blob_url};QueueEndpoint={queue_url};TableEndpoint={table_url};"
    )


def _environment(home: Path, ports: Mapping[str, int], extra: Mapping[str, str]) -> dict[str, str]:
    """The settings that all parts share, as `Settings.from_env` reads them."""

    def url(name: str) -> str:
        return f"http://{LOCALHOST}:{ports[name]}"

    keep = _secrets(home)
    asked_at = FAULT_PORTS[:3] if "fault_switch" in ports else ("blob", "azurite_queue", "azurite_table")
    return {
        "BATON_HOME": str(home),
        "BATON_DATA": data_connection(ports, *asked_at),
        "BATON_WORKSPACE_TOPIC": f"{url('eventgrid')}/topics/workspace/api/events",
        "BATON_STORAGE_TOPIC": f"{url('eventgrid')}/topics/storage/api/events",
        "BATON_CUSTOM_TOPIC": f"{url('eventgrid')}/topics/custom/api/events",
        "BATON_TOPIC_KEY": keep["topic"],
        "MLFLOW_TRACKING_URI": url("mlflow"),
        "BATON_ROUTER": url("router"),
        "BATON_ROUTER_KEY": keep["router"],
        "BATON_URL": url("host"),
        "BATON_APPROVAL_KEY": keep["approval"],
        **_signing_keys(home),
        "BATON_USERS": str(_users(home)),
        "BATON_SWEEP": "*/5 * * * * *",
        "BATON_TRACES": "file",
        "PYTHON_THREADPOOL_THREAD_COUNT": THREADS,
        **extra,
    }


def _secrets(home: Path) -> dict[str, str]:
    """Secrets of this laptop, made once and readable by its owner only."""
    names = ("topic", "router", "approval")
    return _kept(home / "secrets.json", lambda: {name: secrets.token_urlsafe(24) for name in names})


def _signing_keys(home: Path) -> dict[str, str]:
    """The key that signs this laptop's certificates, made at the first start, and the public keys before it."""
    return kept_keys(_kept(home / "signing.json", lambda: {"seed": secrets.token_hex(32)}))


def _users(home: Path) -> Path:
    """The laptop's users, each with a token of its own."""
    file = home / "users.json"
    _kept(file, lambda: {secrets.token_urlsafe(24): name for name in USERS})
    return file


def _kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if not file.exists():
        descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            json.dump(make(), out)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _ports(home: Path, names: tuple[str, ...]) -> dict[str, int]:
    """A port for each part: the one it had, where that is still free."""
    file = home / "ports.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    ports: dict[str, int] = {}
    for name in names:
        port = before.get(name, 0)
        while port in (0, *ports.values()) or not _is_free(port):
            port = free_port()
        ports[name] = port
    file.write_text(json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True


def _write_state(stack: Stack) -> None:
    pids = {daemon.name: daemon.pid for daemon in stack.daemons}
    state = {"pid": os.getpid(), "began": _began(os.getpid()), "env": stack.env, "pids": pids}
    file = stack.home / "stack.json"
    draft = file.with_suffix(".tmp")
    draft.write_text(json.dumps(state, indent=1))
    draft.chmod(0o600)
    draft.replace(file)


def state(home: Path) -> dict[str, Any] | None:
    """What `stack.json` says of a stack that still runs, or None."""
    file = home / "stack.json"
    if not file.exists():
        return None
    found: dict[str, Any] = json.loads(file.read_text())
    return found if _began(found["pid"]) == found["began"] else None


def _began(pid: int) -> str:
    """When a process began, as the kernel counts; a reused pid has another answer."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""


def _refuse_second(home: Path) -> None:
    found = state(home)
    if found is not None:
        raise DaemonFailed(f"a stack runs already (process {found['pid']}).", next="use it, or `baton down` first")
