"""Released code at work: Baton 0.1.0 as it was released, over the ports of a current `World`, in the same process.

`OldWorld` is a `World` whose process runs 0.1.0 until `upgrade()`. `worker(world)` is one more process of 0.1.0 beside
others, for rolling upgrades (a half of a random history: `half.py`). The released package is imported under a name of its own
(`released.py`); what crosses a port is the current class of the same name, errors are the old one's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared import events, names
from shared.notify import FileNotifier
from tests.compat.released import Across, released
from tests.fakes.platform import Outcome
from tests.world import CASES, World, evidence

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
    seen = {role: Across(behind(role, port)) for role, port in ports.items()}
    app = released("wiring").assemble(world._settings(), **seen, clock=lambda: world.now + skew, check=world.checker)
    notifier = behind("notifier", world.notifier or FileNotifier(world.home / "notices"))
    parts = dataclasses.replace(app.parts, notifier=Across(notifier))
    performer = released("perform").Performer(
        app.book, app.fold, app.bells, parts, released("effects").EFFECTS, clock=app.clock
    )
    same = {name: getattr(app, name) for name in ("book", "bells", "blobs", "fold", "sweeper", "clock", "settings")}
    return OldApp(**same, intake=_Intake(app.intake), performer=performer, parts=parts)


@dataclass
class OldWorld(World):
    """A world whose process runs 0.1.0 until it is upgraded."""

    upgraded: bool = False
    judged: Outcome = field(default_factory=lambda: evidence(3000.0, v=1))

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
