"""What is stored, as a table: every field and key of every row, event, command and journal line, by version.

    .venv/bin/python -m tests.compat.forms

records the forms of the version in the making in `forms.json`; a released version's are never changed.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from shared import events
from shared.approvals import sign
from shared.storage.port import Delete, Write
from tests.fakes.platform import Outcome
from tests.fakes.storage import MemoryTable
from tests.world import World, evidence

FILE = Path(__file__).with_name("forms.json")
COMMAND = ".venv/bin/python -m tests.compat.forms"
Forms = dict[str, Any]


@dataclass
class Watched(MemoryTable):
    """Keeps every row that was ever written: (partition, key, text)."""

    written: list[tuple[str, str, str]] = field(default_factory=list)

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        answer = super().write(partition, writes)
        self.written += [(partition, write.key, write.body) for write in writes if not isinstance(write, Delete)]
        return answer


MOVED_SINCE = {"turn": "folding.turn"}


def ours(part: str) -> ModuleType:
    """A module of today's code, such as `state`."""
    return importlib.import_module(f"shared.{MOVED_SINCE.get(part, part)}")


def fingerprint(world: Callable[..., World] = World, code: Callable[[str], ModuleType] = ours) -> Forms:
    """The forms of the code behind such a world: {"values", "events", "rows", "commands"}, each sorted by name."""
    with tempfile.TemporaryDirectory() as home:
        written = every_row(Path(home), world)
    state = code("state")
    homes = (state.__name__, f"{state.__name__.rpartition('.')[0]}.head")  # 0.1.0 had it all in one module
    values = {name: kind for name, kind in vars(state).items() if getattr(kind, "__module__", "") in homes}
    values = {name: kind for name, kind in values.items() if dataclasses.is_dataclass(kind)}
    return {
        "values": {name: _fields(kind) for name, kind in sorted({**values, "Note": code("turn").Note}.items())},
        "events": {name: _fields(kind) for name, kind in sorted(code("events").KINDS.items())},
        "rows": _keys((row_kind(partition, key), json.loads(text)) for partition, key, text in written),
        "commands": _keys(
            (command["kind"], command["payload"])
            for command in (json.loads(text) for _, key, text in written if key.startswith("!3out:"))
        ),
    }


def _fields(kind: Any) -> dict[str, str]:
    return {entry.name: _field(entry) for entry in dataclasses.fields(kind)}


def _field(entry: Any) -> str:
    """A field's type, and what a row that lacks it is read as."""
    if entry.default is not dataclasses.MISSING:
        return f"{entry.type} = {entry.default!r}"
    if entry.default_factory is not dataclasses.MISSING:
        return f"{entry.type} = {entry.default_factory()!r}"
    return str(entry.type)


def _keys(found: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    keys: dict[str, set[str]] = defaultdict(set)
    for name, form in found:
        keys[name] |= form.keys()
    return {name: sorted(keys[name]) for name in sorted(keys)}


def row_kind(partition: str, key: str) -> str:
    """The kind of a row by its key: "!2in", "dead:command", "~unrouted ignored"."""
    if partition == "~models":
        return partition
    first, _, rest = key.partition(":")
    second = f":{rest.partition('-')[0]}" if first == "dead" and not rest[:1].isdigit() and "-" in rest else ""
    return f"{partition} {first}" if partition.startswith("~") else first + second


def every_row(home: Path, world: Callable[..., World] = World) -> list[tuple[str, str, str]]:
    """Every kind of row that there is, written by a story that goes through the whole chain and much that goes wrong."""
    table = Watched()
    told = world(home, table=table)
    told.publish()
    told.settle()
    told.go_live("rows")
    told.drop("bad rows")
    told.app.intake.receive(dataclasses.replace(told.drop("more"), type="Unknown.Type", id="x"))
    _early_and_forged(told)
    told.trainer.script["judge"] = evidence(2500.0, 3000.0, v=1)
    told.registry.busy = False
    told.wait(timedelta(minutes=2))
    told.decide(told.head().shipping)
    told.wait(timedelta(minutes=5))
    told.ask(events.RollbackRequested)
    told.wait(timedelta(minutes=2))
    _things_that_fail(told)
    return table.written


def _early_and_forged(world: World) -> None:
    """A version that may be ours is early, and a decision that nobody signed is refused."""
    world.trainer.script["judge"] = evidence(2500.0, 3000.0, v=1)
    while world.release(world.head().building).state != "registering" if world.head().building else True:
        world.app.fold.advance("m")
        world.app.performer.perform("m")
        world.announce_runs()
    world.registry.busy = True
    world.settle()
    world.register_by_hand()
    world.settle()
    seen = world.release(world.head().building)
    forged = events.ApprovalGiven(
        id="forged",
        at=world.now,
        by="operations",
        release=seen.id,
        approve=True,
        version="1",
        evidence="",
        certificate="",
        nonce="",
    )
    world.accept("m", sign(forged, "another key"))
    world.settle()


def _things_that_fail(world: World) -> None:
    """A run that lasts past its deadline, an event that nobody can decide, a platform that never answers, a lost ring."""
    world.trainer.script["train"] = Outcome("running")
    world.drop("third")
    world.wait(timedelta(minutes=40))
    world.trainer.busy = True
    world.drop("fourth")
    world.wait(timedelta(minutes=10))
    world.trainer.busy = False
    world.accept("m", events.ModelPublished(id="0" * 32, at=world.now, by="author", folder="gone"))
    for _ in range(4):
        world.app.fold.advance("m")
    details = {"kind": "poison", "queue": "advance", "why": "failed every time", "at": world.now.isoformat()}
    world.app.book.bury("m", "poison-advance", details)


def recorded(file: Path = FILE) -> dict[str, Forms]:
    """What `forms.json` holds, by `v`."""
    found: dict[str, Forms] = json.loads(file.read_text())
    return found


def record(file: Path = FILE) -> str:
    """Write the forms of the version in the making; a released version's are never changed. Returns what was done."""
    from shared.table import forms

    found = recorded(file)
    before = found.get(str(forms.V), {})
    now = {"release": forms.RELEASES[forms.V], "released": False, **fingerprint()}
    if before.get("released"):
        if {**now, "released": True} == before:
            return f"form {forms.V} is as {before['release']} released it."
        raise SystemExit(
            f"form {forms.V} was released as {before['release']} and cannot change. "
            f"Next: raise V in shared/table/forms.py, add the step from {forms.V} to {forms.V + 1}, and record again."
        )
    found[str(forms.V)] = now
    file.write_text(json.dumps(found, indent=1) + "\n")
    return f"form {forms.V} of {now['release']} is recorded in tests/compat/forms.json."


if __name__ == "__main__":
    sys.stdout.write(record() + "\n")
