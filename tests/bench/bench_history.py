"""What an event costs when a model has a long past: rows read and calls in memory, time on Azurite.

A past release is written as the rows that it leaves: itself, the events that it saw, and the journal's youngest lines, since the
older ones are closed into segments. The accepted files stay
as many as they are, since a dataset version lists them all: its manifest is as long as the data, not as the history. Then the
same thing happens after each past: a file is dropped, trained on, judged and held.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from local.azurite import azurite
from shared import state, wiring
from shared.ledger import Ledger
from shared.state import Release
from shared.storage.port import Put, Row, Table
from shared.table.rows import HEAD, counted_down
from tests.bench.figures import Figure, report
from tests.fakes.storage import MemoryTable
from tests.floods.rig import Rig, delivered, model_deployed
from tests.floods.served import ENVIRONMENT, HELD, NEVER_CLOSED, served
from tests.world import World

IN_MEMORY, ON_AZURITE = (10, 1_000, 100_000), (10, 200, 2_000)
LINES_A_RELEASE, SEEN_A_RELEASE, LINES_KEPT = 8, 3, 500
FLAT = 1.2
EVENTS, AT_ONCE = 40, 98


class CountingTable(MemoryTable):
    """Counts calls and the rows that come back."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.read = 0

    def get(self, partition: str, key: str) -> Row | None:
        self.calls, self.read = self.calls + 1, self.read + 1
        return super().get(partition, key)

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        found = super().page(partition, first, before, limit)
        self.calls, self.read = self.calls + 1, self.read + len(found)
        return found

    def remember(self, partition: str, writes: Sequence[Put]) -> None:
        """Put very many rows in at once; the index is sorted once instead of a million times."""
        for write in writes:
            dict.__setitem__(self.rows, (partition, write.key), (write.body, 0))
        self.rows._keys[partition] = sorted(key for owner, key in self.rows if owner == partition)


def past(model: str, releases: int) -> list[Put]:
    """The rows that so many ended releases left."""
    line = '{"v":1,"n":0,"answer":"taken","why":"' + "x" * 600 + '"}'
    done = state.dumps(Release(f"{model}-0001", model, "held", (), "folder", "author", wiring.now()))
    rows = []
    for number in range(1, releases + 1):
        rows.append(Put(f"release:{counted_down(number)}", done))
        rows += [Put(f"seen:{number:08d}{n:024d}", "{}") for n in range(SEEN_A_RELEASE)]
    last = releases * LINES_A_RELEASE
    return rows + [Put(f"journal:{n:012d}", line) for n in range(max(0, last - LINES_KEPT), last)]


def aged(book: Ledger, model: str, releases: int) -> Put:
    """The head of a model that had so many releases."""
    head = book.head(model)
    assert head is not None
    later = replace(head, next_release=releases + 10, next_line=(releases + 2) * LINES_A_RELEASE)
    return Put(HEAD, state.dumps(later))


def in_memory(releases: int) -> dict[str, float]:
    """Calls and rows read for one file and the release that it makes, after so many releases."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder:
        table = CountingTable()
        world = World(Path(folder), table=table, sizes=NEVER_CLOSED)
        world.trainer.script["judge"] = HELD
        world.publish()
        world.drop("first")
        world.settle()
        table.remember("m", [*past("m", releases), aged(world.app.book, "m", releases)])
        table.calls = table.read = 0
        world.drop("another")
        world.settle()
        assert list(world.states().values())[-1] == "held"
        return {"releases": releases, "calls": table.calls, "rows": table.read}


def on_azurite(connection: str, home: Path) -> list[dict[str, float]]:
    """Milliseconds for one event with its command, after so many releases: medians of several, the models taking turns."""
    env = {**ENVIRONMENT, "BATON_DATA": connection, "BATON_HOME": str(home), "BATON_USERS": str(home / "users.json")}
    app, table = served(env, sizes=NEVER_CLOSED), wiring.storage(connection)[0]
    took: dict[int, list[float]] = {releases: [] for releases in ON_AZURITE}
    rows = {releases: past(f"m{releases}", releases) for releases in ON_AZURITE}
    for releases, written in rows.items():
        Rig(env, app, home).publish(f"m{releases}")
        _write(table, f"m{releases}", [*written, aged(app.book, f"m{releases}", releases)])
    for _ in range(EVENTS):
        for releases, milliseconds in took.items():
            began = time.perf_counter()
            app.intake.receive(delivered(model_deployed(f"m{releases}")))
            app.fold.advance(f"m{releases}")
            assert app.performer.perform(f"m{releases}") == 1
            milliseconds.append(1000 * (time.perf_counter() - began))
    return [
        {"releases": releases, "rows": len(rows[releases]), "ms": round(statistics.median(took[releases]), 2)}
        for releases in ON_AZURITE
    ]


def _write(table: Table, model: str, rows: Sequence[Put]) -> None:
    for first in range(0, len(rows), AT_ONCE):
        table.write(model, rows[first : first + AT_ONCE])


def main() -> None:
    memory = [in_memory(releases) for releases in IN_MEMORY]
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as folder, azurite(Path(folder), in_memory=True) as running:
        wiring.create_storage(running.connection_string())
        timed = on_azurite(running.connection_string(), Path(folder))
    calls, rows = (round(memory[-1][of] / memory[0][of], 2) for of in ("calls", "rows"))
    slower = round(timed[-1]["ms"] / timed[0]["ms"], 2)
    figures = [
        Figure("calls after 100,000 releases against 10", calls, "×", FLAT),
        Figure("rows read after 100,000 releases against 10", rows, "×", FLAT),
        Figure("time of an event on Azurite after 2,000 releases against 10", slower, "×", FLAT),
    ]
    report("history", figures, {"memory": memory, "azurite": timed})


if __name__ == "__main__":
    main()
