"""Released code at work: Baton 0.1.0 as it was released, over the ports of a current `World`, in the same process.

`OldWorld` is a `World` whose process runs 0.1.0 until `upgrade()`. `worker(world)` is one more process of 0.1.0 beside
others, for rolling upgrades; `first_half(home, seed)` is a world in which 0.1.0 lived the first part of a random history,
and whose process is the current code's. The released package is packed in `v0.1.0/code.zip` and imported under a name of
its own (about 0.3 s, once a process); what crosses a port is the current class of the same name, errors are the old one's.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import random
import re
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from shared import errors, events, names
from shared.notify import FileNotifier
from tests.world import CASES, World, evidence

PLACE = Path(__file__).parent
PACKAGE = "baton_0_1_0"
CODE = PLACE / "v0.1.0" / "code.zip"
OURS = re.compile(r"^(\s*)(from|import) shared\b", re.MULTILINE)
ROLES = ("table", "bells", "blobs", "trainer", "registry", "endpoints")
RULES = {"files": 1, "quiet": 60, "alpha": 1, "cool_down": 0, "budget": 50, "breaker": 100, "adopt": "always"}
MODEL_YAML = """\
v: 1
name: {model}
owner: the-team
purpose: A model for tests.
data:
  contract: contract.yaml
  key: [ID]
  target: Y
  batch: {{files: {files}, quiet_seconds: {quiet}}}
  holdout_percent: 20
train:
  entry: train.py
  parameters: {{alpha: {alpha}}}
  max_minutes: 5
  tries: 2
gates:
  metric: mse
  direction: lower
  floor: 5000
  minimum_gain: 0
  confidence: 0.95
  min_rows: 15
  certificate: {{p95_ms: 500, start_seconds: 60, size_mb: 50}}
retrain: {{on: [data, drift, request, code], cool_down_seconds: {cool_down}, budget_per_day: {budget}, breaker: {breaker}}}
rollout: {{steps: [10, 50, 100], bake_seconds: 30, min_requests: 10, max_error_percent: 5, deadline_minutes: 30}}
approval: {{approvers: [operations], expires_hours: 24}}
adopt: {adopt}
"""
BY_THE_WORLD = (timedelta(0), timedelta(seconds=1), timedelta(seconds=95), timedelta(minutes=10))


class _Released(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports package `shared` of a released version under another name."""

    def __init__(self, archive: Path, package: str) -> None:
        self._package = package
        with zipfile.ZipFile(archive) as opened:
            names = [name for name in opened.namelist() if name.endswith(".py")]
            self._sources = {name: opened.read(name).decode() for name in names}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] != self._package:
            return None
        place = "shared" + fullname.removeprefix(self._package).replace(".", "/")
        for name, is_package in ((f"{place}/__init__.py", True), (f"{place}.py", False)):
            if name in self._sources:
                return importlib.machinery.ModuleSpec(fullname, self, origin=name, is_package=is_package)
        return None

    def get_filename(self, fullname: str) -> str:
        return str(getattr(self.find_spec(fullname, None), "origin", fullname))

    def get_data(self, path: str | bytes) -> bytes:
        source = self._sources[str(path)]
        return OURS.sub(lambda found: f"{found[1]}{found[2]} {self._package}", source).encode()


@functools.cache
def _finder() -> _Released:
    finder = _Released(CODE, PACKAGE)
    sys.meta_path.append(finder)
    return finder


def released(module: str) -> ModuleType:
    """A module of 0.1.0, such as `ledger`."""
    _finder()
    return importlib.import_module(f"{PACKAGE}.{module}" if module else PACKAGE)


class _Across:
    """A port of today's tests as code of 0.1.0 sees it."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return functools.partial(_call, found) if callable(found) else found


def _call(method: Callable[..., Any], *given: Any, **named: Any) -> Any:
    try:
        return method(*map(_current, given), **{name: _current(value) for name, value in named.items()})
    except errors.BatonError as error:
        raise _theirs(type(error))(error.what, next=error.next) from error


def _current(value: Any) -> Any:
    """What 0.1.0 made, as today's class of the same name; all else as it is."""
    if isinstance(value, list | tuple):
        return type(value)(map(_current, value))
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(f"{PACKAGE}."):
        kind = _class(type(value).__module__.replace(PACKAGE, "shared", 1), type(value).__name__)
        return kind(**{entry.name: _current(getattr(value, entry.name)) for entry in dataclasses.fields(value)})
    return value


def _theirs(kind: type[BaseException]) -> Any:
    """The class that 0.1.0 knows an error by: its own of that name, or of what it is a kind of."""
    for known in kind.__mro__:
        module = known.__module__.replace("shared", PACKAGE, 1)
        found = (
            getattr(released(module.removeprefix(f"{PACKAGE}.")), known.__name__, None) if PACKAGE in module else None
        )
        if found is not None:
            return found
    raise AssertionError(kind)


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


class _Intake:
    """0.1.0's intake, which is given today's events."""

    def __init__(self, intake: Any) -> None:
        self._intake = intake

    def __getattr__(self, name: str) -> Any:
        return getattr(self._intake, name)

    def accept(self, model: str, event: events.Event) -> bool:
        kind = released("events").KINDS[type(event).__name__]
        known = {entry.name: getattr(event, entry.name) for entry in dataclasses.fields(kind)}
        return bool(self._intake.accept(model, kind(**known)))


@dataclass
class OldApp:
    """The parts of a process of 0.1.0 that tests and histories call, under the names that they have today."""

    book: Any
    bells: Any
    blobs: Any
    intake: Any
    fold: Any
    performer: Any
    sweeper: Any
    parts: Any
    clock: Any
    settings: Any


def worker(
    world: World,
    *,
    skew: timedelta = timedelta(0),
    through: Callable[[str, Any], Any] | None = None,
) -> Any:
    """One more process of 0.1.0 over the world's ports, as `World.worker` makes one of today's code."""
    ports = {role: getattr(world, role) for role in ROLES}
    behind = through or (lambda role, port: world.behind(port, role))
    seen = {role: _Across(behind(role, port)) for role, port in ports.items()}
    app = released("wiring").assemble(world._settings(), **seen, clock=lambda: world.now + skew, check=world.checker)
    notifier = behind("notifier", world.notifier or FileNotifier(world.home / "notices"))
    parts = dataclasses.replace(app.parts, notifier=_Across(notifier))
    performer = released("perform").Performer(
        app.book, app.fold, app.bells, parts, released("effects").EFFECTS, clock=app.clock
    )
    same = {name: getattr(app, name) for name in ("book", "bells", "blobs", "fold", "sweeper", "clock", "settings")}
    return OldApp(**same, intake=_Intake(app.intake), performer=performer, parts=parts)


@dataclass
class OldWorld(World):
    """A world whose process runs 0.1.0 until it is upgraded."""

    upgraded: bool = False

    def worker(self, *, skew: timedelta = timedelta(0), through: Callable[[str, Any], Any] | None = None) -> Any:
        if self.upgraded:
            return super().worker(skew=skew, through=through)
        return worker(self, skew=skew, through=through)

    def upload(self, model: str = "m", **rules: Any) -> str:
        """Upload a folder with these rules, as 0.1.0 knows them; returns its hash."""
        text = MODEL_YAML.format(model=model, **{**RULES, **rules})
        folder = names.digest(text)[:16]
        for name, content in (("model.yaml", text), ("contract.yaml", "{}"), ("tests/cases.json", CASES)):
            self.blobs.put("models", f"{model}/{folder}/{name}", content.encode(), content_type="text/plain")
        return folder

    def publish(self, model: str = "m", *, by: str = "author", **rules: Any) -> str:
        """Upload a folder with these rules and publish it; returns its hash."""
        folder = self.upload(model, **rules)
        identity = names.identity_key("publish", model, folder, self.now.isoformat())
        self.app.book.list_model(model)
        self.accept(model, events.ModelPublished(id=identity, at=self.now, by=by, folder=folder))
        return folder

    def upgrade(self) -> None:
        """The process ends, and one of today's code begins."""
        self.upgraded = True
        self.restart()


def first_half(home: Path, seed: int, *, acts: int = 12, **ports: Any) -> OldWorld:
    """A world with model `m` in which 0.1.0 lived so many random acts, upgraded then: its `app` is today's.

    `ports` are the fakes to use (`table=`, `trainer=`, `endpoints=`, ...), as `World` takes them. The same seed makes the
    same half. Releases that a person approved stand in `approved`, for oracles that must know them.
    """
    world = OldWorld(home, **ports)
    world.publish(files=1 + seed % 2, quiet=60)
    world.settle()
    chance = random.Random(seed)
    for _ in range(acts):
        chance.choice(ACTS)(world, chance)
        if chance.random() < 0.7:
            world.settle()
        world.now += chance.choice(BY_THE_WORLD)
    world.upgrade()
    return world


def _drop(world: World, chance: random.Random) -> None:
    world.drop(f"rows {chance.randint(1, 9)}", name=f"f{chance.randint(1, 9)}")


def _bad(world: World, chance: random.Random) -> None:
    world.drop("bad rows")


def _drift(world: World, chance: random.Random) -> None:
    world.drift(run=f"d{chance.randint(1, 50)}")


def _register(world: World, chance: random.Random) -> None:
    world.register_by_hand()


def _publish(world: World, chance: random.Random) -> None:
    world.publish(alpha=chance.randint(1, 4))


def _decide(world: World, chance: random.Random) -> None:
    shipping = world.head().shipping
    if shipping and world.release(shipping).state == "awaiting approval":
        world.decide(shipping, approve=chance.random() < 0.8)


def _ask(world: World, chance: random.Random) -> None:
    kind = chance.choice([events.RollbackRequested, events.PauseRequested, events.ResumeRequested])
    world.ask(kind)


def _better(world: World, chance: random.Random) -> None:
    world.trainer.script["judge"] = evidence(chance.choice([2400.0, 2990.0]), 3000.0)


ACTS: Sequence[Callable[[World, random.Random], None]] = (
    _drop,
    _drop,
    _bad,
    _drift,
    _register,
    _publish,
    _decide,
    _decide,
    _decide,
    _ask,
    _better,
)
