"""`baton doctor`: what is wrong with this laptop or its stack, each fault with the command that mends it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cli import address, api, options, orphans
from cli.telling import DONE, ERROR, tell_json
from shared import chain
from shared.errors import BatonError

PYTHON = (3, 11)
DISK_NEEDED_GB = 2
STEADY = ("azurite", "eventgrid", "blobfront", "mlflow", "router", "host", "workspace")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is well, what was seen, and what mends it."""

    of: str
    well: bool
    seen: str
    next: str = ""


@click.command()
@options.as_json
def doctor(wants_json: bool) -> int:
    """Look at this laptop, the model folders and the running stack; say what is wrong and what mends it.

    \b
    Example:  baton doctor
    """
    found = list(_laptop()) + list(_folders()) + list(_stack())
    if wants_json:
        tell_json([asdict(finding) for finding in found])
    else:
        for finding in found:
            _tell(finding)
    return DONE if all(finding.well for finding in found) else ERROR


def _tell(finding: Finding) -> None:
    mark = click.style("ok   ", fg="green") if finding.well else click.style("fault", fg="red")
    click.echo(f"{mark}  {finding.of}: {finding.seen}")
    if finding.next and not finding.well:
        click.echo(f"       Next: {finding.next}.")


def _laptop() -> Iterator[Finding]:
    version = sys.version_info[:2]
    yield Finding("Python", version == PYTHON, ".".join(map(str, version)), "install Python 3.11, then `make setup`")
    azurite = address.home() / "azurite", Path(".baton") / "azurite"
    there = any(folder.is_dir() for folder in azurite)
    yield Finding("Azurite", there, "installed" if there else "not installed", "make setup")
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    yield Finding("disk", free > DISK_NEEDED_GB, f"{free:.0f} GB free", f"free {DISK_NEEDED_GB} GB or more")


def _folders() -> Iterator[Finding]:
    """The model folders here: valid, and with gates that can both pass and hold."""
    from shared.gate_breaks import self_test
    from shared.spec_file import load_folder

    for file in sorted(Path("models").glob("*/model.yaml")):
        try:
            faults = self_test(load_folder(file.parent).gates)
            seen = "; ".join(faults) or "valid, and every gate can hold"
        except BatonError as error:
            faults, seen = ("refused",), error.what
        yield Finding(str(file.parent), not faults, seen, f"mend {file}, then `baton publish {file.parent}`")


def _stack() -> Iterator[Finding]:
    home = address.home()
    left = orphans.find(home)
    if left:
        yield Finding("stack", False, f"parts of an earlier one run on: {', '.join(left)}", "baton down")
        return
    try:
        at = address.find()
    except BatonError as error:
        yield Finding("stack", True, f"{error.what} That is well unless you expect one; `baton up` starts it")
        return
    yield from _parts(home)
    for of, look in LOOKS.items():
        yield _seen(of, lambda look=look: look(at))  # type: ignore[misc]


def _seen(of: str, look: Callable[[], Finding]) -> Finding:
    """A look that itself fails is a finding, not the end."""
    try:
        return look()
    except BatonError as error:
        return Finding(of, False, error.what, error.next)
    except Exception as error:  # noqa: BLE001 - whatever a broken part makes a client raise
        return Finding(of, False, f"{type(error).__name__}: {error}"[:200], "baton down; baton up")


def _parts(home: Path) -> Iterator[Finding]:
    from local import stack

    running = stack.state(home) or {}
    pids: Mapping[str, int] = running.get("pids", {})
    for name in STEADY if pids else ():
        lives = name in pids and _lives(pids[name])
        log = home / "logs" / f"{name}.log"
        yield Finding(name, lives, "runs" if lives else "has ended", f"read {log}; then `baton down` and `baton up`")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _functions(at: address.Address) -> Finding:
    """What the host indexed against what the chain needs."""
    said = json.loads(api.exchange("GET", f"{at.url}/admin/host/status").body)
    wanted = {*chain.functions(), "advance", "perform", "sweep", "web"}
    missing = sorted(wanted - set(said["functions"]))
    seen = f"misses {', '.join(missing)}" if missing else f"{len(said['functions'])} functions"
    return Finding("functions", not missing, seen, "see that function_app.py registers their blueprint")


def _subscriptions(at: address.Address) -> Finding:
    topic = at.setting("BATON_CUSTOM_TOPIC").split("/topics/")[0]
    validated: Mapping[str, Any] = json.loads(api.exchange("GET", f"{topic}/health").body)["validated"]
    waiting = sorted(name for name, done in validated.items() if not done)
    seen = f"not validated: {', '.join(waiting)}" if waiting else f"{len(validated)} validated"
    return Finding(
        "subscriptions", not waiting, seen, "wait a moment; else compare infra/subscriptions.json with the app"
    )


def _mlflow(at: address.Address) -> Finding:
    status = api.exchange("GET", f"{at.setting('MLFLOW_TRACKING_URI')}/health").status
    return Finding("MLflow answers", status == 200, f"status {status}", "read its log; `baton down`, `baton up`")


def _poison(at: address.Address) -> Finding:
    """Doorbells that failed every time."""
    from azure.storage.queue import QueueServiceClient

    queues = QueueServiceClient.from_connection_string(at.setting("BATON_DATA"))
    names = ("advance-poison", "perform-poison")
    count = sum(queues.get_queue_client(name).get_queue_properties().approximate_message_count or 0 for name in names)
    return Finding("poison queues", count == 0, f"{count} messages", "docs/runbook.md#poison")


def _dead(at: address.Address) -> Finding:
    letters = api.read(at, "/api/deadletters")
    return Finding("dead letters", not letters, f"{len(letters)}", "baton deadletters")


LOOKS: Mapping[str, Callable[[address.Address], Finding]] = {
    "functions": _functions,
    "subscriptions": _subscriptions,
    "MLflow answers": _mlflow,
    "poison queues": _poison,
    "dead letters": _dead,
}
