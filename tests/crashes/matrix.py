"""The crash matrix: each event kind, each call of storage or platform on its way, and what may happen to that call.

A way begins with the event and goes on until nothing is due any more at that moment. At one call of it the process
ends, before or after the call's effect, or the call's answer is lost and the process goes on. Rings are lost with
the process; whoever brought the event brings it again; the sweep does the rest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from shared.errors import BatonError, PlatformBusy
from shared.journaling import journal
from shared.storage.port import StorageBusy
from tests.crashes.installation import Installation
from tests.crashes.scenes import SCENES, Begin
from tests.fakes.trapped import Call, Crash

Fault = Literal["ended before", "ended after", "answer lost"]
FAULTS: tuple[Fault, ...] = ("ended before", "ended after", "answer lost")
STORAGE = ("table", "bells", "blobs")
AFTERWARDS = timedelta(minutes=8)
DELIVERIES = 5
WITNESSED = re.compile(
    r"-[0-9a-f]{16}\.json"
)  # a result names the journal's hash of its moment, and its own hash so differs


@dataclass(frozen=True, slots=True)
class Cell:
    """One place where something goes wrong: at the `number`-th call on an event kind's way, counted from 0."""

    kind: str
    number: int
    call: str
    fault: Fault


@dataclass
class Sprung:
    """A trap that springs once, at one call; it counts the calls that it saw."""

    number: int = -1
    fault: Fault = "ended before"
    calls: list[str] = field(default_factory=list)

    def __call__(self, when: Literal["before", "after"], call: Call) -> None:
        if when == "before":
            self.calls.append(str(call))
        if len(self.calls) - 1 != self.number or (when == "before") != (self.fault == "ended before"):
            return
        self.number = -1
        if self.fault == "answer lost":
            lost: type[BatonError] = StorageBusy if call.role in STORAGE else PlatformBusy
            raise lost(f"{call}: no answer", next="ask again")
        raise Crash(str(call))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scene up to its event: an installation to fork from, what begins the event, and how it ends without a fault."""

    run: Installation
    begin: Begin
    calls: tuple[str, ...]
    end: dict[str, Any]


def prepare(kind: str, home: Path) -> Prepared:
    """Play the scene, and its way once without a fault."""
    run = Installation.new(home)
    begin = SCENES[kind](run)
    trap = Sprung()
    clean = run.fork()
    clean.world.trap = trap
    begin(clean.world)
    clean.work()
    calls = tuple(trap.calls)
    clean.let_time_pass(AFTERWARDS)
    return Prepared(run, begin, calls, end_of(clean))


def cells(kind: str, calls: tuple[str, ...]) -> Iterator[Cell]:
    """Every cell of one event kind."""
    for number, call in enumerate(calls):
        for fault in FAULTS:
            yield Cell(kind, number, call, fault)


def play(prepared: Prepared, cell: Cell) -> Installation:
    """The same way with the cell's fault in it, and then the time that the clean one had."""
    run = prepared.run.fork()
    trap = Sprung(cell.number, cell.fault)
    run.world.trap = trap
    delivered = _survives(run, lambda: prepared.begin(run.world))
    _survives(run, run.work)
    assert trap.number == -1, f"{cell} was never met"
    for _ in range(DELIVERIES):
        if delivered:
            break
        delivered = _survives(run, lambda: prepared.begin(run.world))
    run.let_time_pass(AFTERWARDS)
    run.world.registry.busy = False
    return run


def _survives(run: Installation, act: Any) -> bool:
    """Do one thing as a process that may end in it; False if it did, or if the call failed."""
    try:
        act()
    except Crash:
        run.end_the_process()
        return False
    except (StorageBusy, PlatformBusy):
        return False
    return True


def end_of(run: Installation) -> dict[str, Any]:
    """How it ended, by the fakes' own record and the stored rows; without hours, hashes and what is only asked."""
    world = run.world
    head = world.head()
    releases = [world.release(name) for name in world.states()]
    lines = [journal.read(line) for line in world.app.book.journal("m", limit=100_000)]
    return {
        "effects": Counter(WITNESSED.sub("-*.json", entry) for entry in run.record),
        "traffic": [entry for entry in run.record if entry.startswith("traffic")],
        "releases": {
            one.id: (one.state, one.version, one.against, one.run, dict(one.runs), one.step) for one in releases
        },
        "files": [file.sha256 for file in world.app.book.files("m", head.next_file - 1)],
        "champions": [(one.version, one.deployment) for one in (head.champion, head.previous) if one],
        "basket": (head.basket.first_file, [(cause.kind, cause.count) for cause in head.basket.causes]),
        "head": (head.building, head.shipping, head.folder, bool(head.paused), head.is_frozen, head.rollback),
        "open": (head.outstanding, head.early, head.dead),
        "decided": Counter((line["event"]["kind"], line["answer"]) for line in lines),
    }


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, as (found, wanted)."""
    return {name: (found[name], wanted[name]) for name in wanted if found[name] != wanted[name]}
