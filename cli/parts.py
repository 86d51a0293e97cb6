"""Checks of a running Baton: does each part answer, know the others, and keep up?"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli import address, api
from cli.address import Address, NotFoundHere
from cli.doctor import Check
from cli.machine import Wrong
from shared import chain, wiring

AGAIN = "baton down; baton up"


def checks() -> Iterator[tuple[str, Check]]:
    """Name and check of each part; without a running stack, only how it would be started."""
    from local import stack

    running = stack.state(address.home())
    try:
        at = address.find()
    except NotFoundHere:
        yield "ports", ports
        return
    if running is not None:
        yield from ((name, partial(process, name, pid)) for name, pid in running["pids"].items())
        yield from _of_a_laptop(at)
    yield "web API", partial(web, at)
    yield "dead letters", partial(dead_letters, at)
    yield "freeze", partial(freeze, at)
    yield "breakers", partial(breakers, at)


def _of_a_laptop(at: Address) -> Iterator[tuple[str, Check]]:
    yield "blobs", partial(blobs, at)
    yield "queues", partial(queues, at)
    yield "table", partial(table, at)
    yield "event grid", partial(event_grid, at)
    yield "functions", partial(functions, at)
    yield "MLflow", partial(healthy, at.setting("MLFLOW_TRACKING_URI"))
    yield "endpoints", partial(healthy, at.setting("BATON_ROUTER"))


def ports() -> str:
    """Those of the last start are kept where they are free; a taken one is replaced, which only moves addresses."""
    file = address.home() / "ports.json"
    before: Mapping[str, int] = json.loads(file.read_text()) if file.exists() else {}
    taken = [f"{name} {port}" for name, port in before.items() if _is_taken(port)]
    if taken:
        return f"nothing runs; {', '.join(taken)} taken by another program: `baton up` will use other ports"
    return "nothing runs; `baton up` starts it"


def _is_taken(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def process(name: str, pid: int) -> str:
    """A part's process is there."""
    if not Path(f"/proc/{pid}").exists():
        log = address.home() / "logs" / f"{name}.log"
        raise Wrong(f"process {pid} is gone: read {log}", next=AGAIN)
    return f"process {pid}"


def blobs(at: Address) -> str:
    """Blob storage answers through the blob front, and has all containers."""
    from azure.storage.blob import BlobServiceClient

    client = BlobServiceClient.from_connection_string(at.setting("BATON_DATA"), retry_total=0)
    return _all_there("container", wiring.CONTAINERS, {each.name for each in client.list_containers()})


def queues(at: Address) -> str:
    """The doorbells are there, and none is poisoned."""
    from azure.storage.queue import QueueServiceClient

    client = QueueServiceClient.from_connection_string(at.setting("BATON_DATA"), retry_total=0)
    wanted = [name for queue in wiring.QUEUES for name in (queue, f"{queue}-poison")]
    _all_there("queue", wanted, {each.name for each in client.list_queues()})
    counts = {name: client.get_queue_client(name).get_queue_properties().approximate_message_count for name in wanted}
    poisoned = [f"{count} in {name}" for name, count in counts.items() if name.endswith("-poison") and count]
    if poisoned:
        raise Wrong(f"messages that failed every time: {', '.join(poisoned)}", next="baton deadletters")
    return ", ".join(f"{counts[queue]} in {queue}" for queue in wiring.QUEUES)


def table(at: Address) -> str:
    """The ledger's table is there."""
    from azure.data.tables import TableServiceClient

    client = TableServiceClient.from_connection_string(at.setting("BATON_DATA"), retry_total=0)
    return _all_there("table", (wiring.TABLE,), {each.name for each in client.list_tables()})


def _all_there(kind: str, wanted: Any, found: set[str]) -> str:
    missing = sorted(set(wanted) - found)
    if missing:
        raise Wrong(f"{kind} missing: {', '.join(missing)}", next=AGAIN)
    return f"{len(set(wanted))} {kind}{'s' if len(set(wanted)) > 1 else ''}"


def event_grid(at: Address) -> str:
    """It answers, and every subscription has had its handshake. What it gave up is among the dead letters."""
    topic = urlsplit(at.setting("BATON_CUSTOM_TOPIC"))
    url = f"{topic.scheme}://{topic.netloc}"
    validated: Mapping[str, bool] = _document(f"{url}/health")["validated"]
    waiting = sorted(name for name, done in validated.items() if not done)
    if waiting:
        what = f"no handshake yet for {', '.join(waiting)}: the functions host does not answer them"
        raise Wrong(what, next=f"read {address.home()}/logs/host.log; {AGAIN}")
    counts = _document(f"{url}/metrics")
    return f"{len(validated)} subscriptions, {counts['delivered']} delivered, {counts['depth']} on their way"


def functions(at: Address) -> str:
    """The host has loaded every function that the chain needs."""
    found = set(_document(f"{at.url}/admin/host/status")["functions"])
    missing = sorted({*(row.function for row in chain.TABLE), *wiring.QUEUES} - found)
    if missing:
        raise Wrong(f"not loaded: {', '.join(missing)}", next=f"read {address.home()}/logs/host.log; {AGAIN}")
    return f"{len(found)} loaded"


def healthy(url: str) -> str:
    """Its /health answers with 200."""
    answer = api.exchange("GET", f"{url.rstrip('/')}/health")
    if answer.status != 200:
        raise Wrong(f"{url}/health answers {answer.status}", next=AGAIN)
    return f"answers at {url}"


def web(at: Address) -> str:
    """The pages and the API answer."""
    api.read(at, "health")
    return f"answers at {at.url}"


def dead_letters(at: Address) -> str:
    """Nothing waits to be looked at by a person."""
    found = api.read(at, "deadletters")
    if found:
        undelivered = sum(letter["kind"] == "undelivered" for letter in found)
        told = f", {undelivered} of them could not be delivered" if undelivered else ""
        raise Wrong(f"{len(found)} wait for a person{told}", next="baton deadletters")
    return "none"


def freeze(at: Address) -> str:
    """Nothing stands still because everything is frozen."""
    found = api.read(at, "freeze")
    if found["holds"]:
        raise Wrong(
            f"everything is frozen by {found['by']} since {found['since']}: {found['why']}",
            next="baton unfreeze --why ...",
        )
    return "nothing is frozen"


def breakers(at: Address) -> str:
    """No platform is silent, so that its commands wait."""
    found = api.read(at, "breakers")
    if found:
        told = ", ".join(f"{one['platform']} has not answered since {one['since']} ({one['why']})" for one in found)
        raise Wrong(f"commands wait: {told}", next="docs/runbook.md#open-breaker")
    return "every platform answers"


def _document(url: str) -> Mapping[str, Any]:
    answer = api.exchange("GET", url)
    found: Mapping[str, Any] = json.loads(answer.body)
    return found
