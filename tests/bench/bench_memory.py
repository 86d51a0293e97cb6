"""Memory of a process that decides and performs 20,000 events, storage in memory: at most 1 kB more an event, last half.

The real functions are invoked as the host invokes them, over a table that does not keep what is only ever written (the lines of
the journal, the events seen), so that what grows is Baton's own. The process's resident memory is looked at, then, over 2,000
events more, Python's own blocks (tracemalloc, which makes everything slower); a line is fitted through the last half.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import tempfile
import tracemalloc
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
from azure.functions.meta import Datum

from local.host.index import LoadedFunction, index_app
from local.host.invoke import Invoker
from shared import events, names, wiring
from shared.settings import Settings
from tests.bench.figures import Figure, report
from tests.conftest import PROJECT
from tests.fakes.platform import FakeRegistry, FakeTrainer
from tests.fakes.storage import MemoryBlobs
from tests.floods.forgetful import ForgetfulTable
from tests.floods.rig import model_deployed
from tests.floods.served import ENVIRONMENT, NEVER_CLOSED, ServingEndpoints
from tests.world import check, spec_text

EVENTS, TRACED, MODELS, AT_ONCE, LOOK_EVERY = 20_000, 2_000, 20, 8, 200
LIMIT, PAGE_BYTES = 1_000.0, 4096


class NoBells:
    """Nobody listens: the benchmark calls the functions itself."""

    def ring(self, queue: str, model: str, *, after: timedelta = timedelta(0)) -> None:
        """Nothing."""


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bench_memory", description=__doc__)
    options.add_argument("--events", type=int, default=EVENTS)
    count = options.parse_args().events
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        models = [f"m{number:02d}" for number in range(MODELS)]
        wiring.use(_app(Path(folder), models))
        os.environ.setdefault("BATON_SWEEP", "0 * * * * *")
        functions = {function.name: function for function in index_app(PROJECT)}
        looks = asyncio.run(_run(functions, models, count))
        tracemalloc.start()
        traced = asyncio.run(_run(functions, models, TRACED))
    resident, blocks = (_slope([(look[0], look[of]) for look in seen]) for seen, of in ((looks, 1), (traced, 2)))
    figures = [
        Figure("resident memory, last half of 20,000 events", round(resident), "bytes/event", LIMIT),
        Figure("memory of Python's objects, last half", round(blocks), "bytes/event", LIMIT),
    ]
    report("memory", figures, {"events": count, "looks": looks})


def _app(home: Path, models: list[str]) -> wiring.App:
    env = {**ENVIRONMENT, "BATON_DATA": "memory", "BATON_HOME": str(home), "BATON_USERS": str(home / "users.json")}
    blobs = MemoryBlobs()
    app = wiring.assemble(
        Settings.from_env(env), ForgetfulTable(), NoBells(), blobs, FakeTrainer(), FakeRegistry(), ServingEndpoints(),
        clock=wiring.now, check=check, sizes=NEVER_CLOSED,
    )  # fmt: skip
    for model in models:
        text = spec_text(model)
        folder = names.digest(text)[:16]
        blobs.put("models", f"{model}/{folder}/model.yaml", text.encode(), content_type="text/plain")
        identity = names.identity_key("publish", model)
        app.intake.accept(model, events.ModelPublished(id=identity, at=wiring.now(), by="author", folder=folder))
        app.fold.advance(model)
    return app


async def _run(functions: Mapping[str, LoadedFunction], models: list[str], count: int) -> list[tuple[int, int, int]]:
    """Events done so far, resident bytes, bytes of Python's objects: looked at again and again."""
    invoker, looks = Invoker(timeout_seconds=600.0), []
    for done in range(0, count, AT_ONCE):
        model = models[done // AT_ONCE % len(models)]
        for _ in range(AT_ONCE):
            await _invoke(invoker, functions["on_model_deployed"], Datum(json.dumps(model_deployed(model)), "json"))
        for name in ("advance", "perform"):
            await _invoke(invoker, functions[name], Datum(model, "string"))
        if done % LOOK_EVERY < AT_ONCE:
            gc.collect()
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
            looks.append((done, resident, tracemalloc.get_traced_memory()[0]))
    invoker.close()
    return looks


async def _invoke(invoker: Invoker, function: LoadedFunction, data: Datum) -> None:
    outcome = await invoker.invoke(function, data, {})
    if outcome.error is not None:
        raise outcome.error


def _slope(looks: list[tuple[int, int]]) -> float:
    last = looks[len(looks) // 2 :]
    return float(np.polyfit(*zip(*last, strict=True), 1)[0])


if __name__ == "__main__":
    main()
