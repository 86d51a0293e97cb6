"""How many events a second go through intake, advance and perform, and what the host's memory and a restart do meanwhile.

The functions host serves the real functions over Azurite, with a platform in memory at its port. Each event is a deployment by
hand: taken in, decided, one command, one outcome. The bare loop then makes the same calls to the same Azurite, as many of each
kind as the host's app was seen to make, with rows of the same size and nothing decided.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from local.azurite import azurite
from shared import events, names, wiring
from shared.storage.port import Insert
from shared.storage.transport import PooledTransport
from shared.table import forms
from shared.table.rows import INBOX, moment
from tests.bench.bare import Bare
from tests.bench.figures import Figure, report
from tests.floods.rig import Rig, model_deployed, rig, settled

MODELS, EVENTS, WARM_UP = 20, 3_000, 200
FLOOD, WAITING, AT_ONCE = 600, 10_000, 48
AS_FAST, FLOOD_RATIO, BYTES_AN_EVENT = 0.7, 5.0, 1_000.0
PAGE_BYTES = 4096


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_flow", description=__doc__)
    options.add_argument("--events", type=int, default=EVENTS)
    count = options.parse_args().events
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, azurite(Path(folder), in_memory=True) as running:
        connection = running.connection_string()
        with rig(connection, Path(folder)) as host:
            models = [f"m{number:02d}" for number in range(MODELS)]
            for model in models:
                host.publish(model)
            _flow(host, models, WARM_UP)
            rate, memory = _flow(host, models, count)
            host.stop()
            bare = Bare(connection, host.counts(), count + WARM_UP).rate(count // 2)
            flood, single = _flood(host), Bare(connection, {}, 1).one_a_transaction(200)
            recovery = _recovery(host, models)
    slope = _slope(memory)
    figures = [
        Figure("events a second against the bare loop, 20 models", round(rate / bare, 2), "×", AS_FAST, least=True),
        Figure(
            "one model's flood against one event a transaction", round(flood / single, 1), "×", FLOOD_RATIO, least=True
        ),
        Figure("memory of the host on Azurite, last half", round(slope), "bytes/event", BYTES_AN_EVENT),
        Figure("rate after a restart, start included, against steady", round(recovery["rate"] / flood, 2), "×"),
        Figure("from start to the first decision", round(recovery["first_seconds"], 2), "s"),
    ]
    rates = {"baton": rate, "bare": bare, "flood": flood, "single": single, "recovery": recovery["rate"]}
    details = {"events": count, "waiting": WAITING, "rates": {name: round(value, 1) for name, value in rates.items()}}
    report("flow", figures, {**details, "memory": memory, "drained_s": round(recovery["seconds"], 1)})


def _flow(host: Rig, models: list[str], count: int) -> tuple[float, list[tuple[int, int]]]:
    """Events a second until nothing waits, and the host's memory (bytes) by how many were done."""
    before = {model: host.head(model).next_line for model in models}
    bodies = [model_deployed(models[number % len(models)]) for number in range(count)]
    memory: list[tuple[int, int]] = []
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        sending = [pool.submit(host.deliver, "on_model_deployed", bodies[half::2]) for half in (0, 1)]
        while (done := sum(host.head(model).next_line - before[model] for model in models) // 2) < count:
            memory.append((done, _resident(host)))
            for sent in (sent for sent in sending if sent.done()):
                sent.result()
            time.sleep(1)
    settled(host, models)
    return count / (time.perf_counter() - began), memory


def _resident(host: Rig) -> int:
    assert host.daemon is not None
    return int(Path(f"/proc/{host.daemon.pid}/statm").read_text().split()[1]) * PAGE_BYTES


def _slope(memory: list[tuple[int, int]]) -> float:
    """Bytes an event: a line through the last half."""
    last = [(done, used) for done, used in memory if done >= memory[-1][0] / 2]
    return float(np.polyfit(*zip(*last, strict=True), 1)[0]) if len(last) > 2 else 0.0


def _flood(host: Rig) -> float:
    """Events a second that one worker decides where very many wait for one model."""
    host.publish("flooded")
    _wait_in(host, "flooded", FLOOD)
    began = time.perf_counter()
    while host.app.fold.advance("flooded").more:
        pass
    assert not host.app.book.read("flooded").inbox
    return FLOOD / (time.perf_counter() - began)


def _recovery(host: Rig, models: list[str]) -> dict[str, float]:
    """A host that was down starts, and very many events wait, whose rings are lost: the sweep rings."""
    for model in models:
        _wait_in(host, model, WAITING // len(models))
    before = {model: host.head(model).next_line for model in models}
    began = time.perf_counter()
    host.start()
    host.until(lambda: any(host.head(m).next_line > before[m] for m in models), "nothing is decided")
    first = time.perf_counter() - began
    host.until(lambda: all(not host.app.book.read(m).inbox for m in models), "events wait", seconds=600)
    seconds = time.perf_counter() - began
    return {"rate": WAITING / seconds, "first_seconds": first, "seconds": seconds}


def _wait_in(host: Rig, model: str, count: int) -> None:
    """Put so many events in a model's inbox, with no ring: runs of somebody else's that only started, so nothing follows."""
    table = wiring.storage(host.env["BATON_DATA"], transport=PooledTransport())[0]
    for first in range(0, count, AT_ONCE):
        writes = []
        for _ in range(first, min(first + AT_ONCE, count)):
            run = uuid.uuid4().hex
            event = events.RunChanged(
                id=names.identity_key(run), at=wiring.now(), run_id=run, status="running", model=model
            )
            writes.append(
                Insert(f"{INBOX}5{moment(event.at)}:{event.id}", forms.text({"event": events.dump(event), "tries": 0}))
            )
            writes.append(Insert(f"seen:{event.id}", "{}"))
        table.write(model, writes)


if __name__ == "__main__":
    main()
