"""Ports under watch: every call is counted, can be made to fail, and what it visibly changed on the platform is noted.

The effects are told by the fakes themselves, before and after a call, and each is held against the outbox as it stood
at that moment: an effect that no committed command asked for has no cause.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared import names
from shared.errors import PlatformBusy
from shared.notify import Message
from shared.state import LIVE
from shared.storage.port import RowChanged, RowExists, StorageBusy
from tests.fakes.storage import MemoryTable
from tests.fakes.trapped import Crash
from tests.histories.history import Fault

OPEN, OUTBOX, EARLY = "!1open:", "!3out:", "!4early:"
STORAGE = ("table", "bells", "blobs")
SHIPPING = ("awaiting approval", "rolling out")


@dataclass(frozen=True, slots=True)
class Finding:
    """What an oracle found: which one, and what."""

    oracle: str
    what: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A visible change of the platform, and the numbers of the commands in the outbox that asked for it just then."""

    kind: str
    model: str
    what: str
    commands: tuple[int, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Deed:
    """One effectful method of a port: the command behind it, what can be seen of it, and which command asks for it."""

    kinds: tuple[str, ...]
    model: Callable[..., str]
    seen: Callable[..., Any]
    wanted: Callable[..., Mapping[str, Any]]


def _split(port: Any, model: str) -> Mapping[str, int]:
    seen = port.look(model)
    return seen.split if seen else {}


def _deployed(port: Any, model: str) -> set[str]:
    seen = port.look(model)
    return {deployment.name for deployment in seen.deployments} if seen else set()


def _words(message: Message | None) -> tuple[str, ...]:
    """What a message says, but for what a later release adds to it: that may repeat what an earlier one told."""
    return (message.what, message.why, message.next, message.link, message.to) if message else ()


def _of_run(run_id: str) -> str:
    return (names.release_of_run(run_id) or "?-0").rsplit("-", 1)[0]


DEEDS: Mapping[tuple[str, str], Deed] = {
    ("trainer", "start"): Deed(
        ("start_run",),
        lambda request: request.model,
        lambda port, request: sorted(run.run_id for run in port.started if run.run_id == request.run_id),
        lambda request: {"run_id": request.run_id},
    ),
    ("trainer", "cancel"): Deed(
        ("cancel_run",), _of_run, lambda port, run_id: port.look(run_id), lambda run_id: {"run_id": run_id}
    ),
    ("registry", "register"): Deed(
        ("register_version",),
        lambda model, **_: model,
        lambda port, model, **_: [version.version for version in port.versions(model)],
        lambda model, *, run_id, **_: {"run_id": run_id},
    ),
    ("registry", "name_champion"): Deed(
        ("observe_champion",),
        lambda model, version, **_: model,
        lambda port, model, version, **_: port.champions.get(model, ""),
        lambda model, version, **_: {"name": version},
    ),
    ("endpoints", "deploy"): Deed(
        ("deploy_staging",),
        lambda request: request.model,
        lambda port, request: request.name in _deployed(port, request.model),
        lambda request: {"release": request.name},
    ),
    ("endpoints", "follow"): Deed(
        ("observe_champion",),
        lambda model, serves: model,
        lambda port, model, serves: port.followed.get(model),
        lambda model, serves: {},
    ),
    ("endpoints", "set_traffic"): Deed(
        ("set_traffic",),
        lambda model, split, **_: model,
        lambda port, model, split, **_: _split(port, model),
        lambda model, split, **_: {"split": dict(split)},
    ),
    ("endpoints", "remove"): Deed(
        ("clean_up",),
        lambda model, name: model,
        lambda port, model, name: name in _deployed(port, model),
        lambda model, name: {"deployment": name},
    ),
    ("notifier", "tell"): Deed(
        ("tell", "ask_approval"),
        lambda message: message.model,
        lambda port, message: _words(port.told.get(message.id)),
        lambda message: {"number": int(message.id.rsplit("-", 1)[1])},
    ),
}


@dataclass
class Watch:
    """Counts calls and lets a fault happen; keeps effects and findings of the whole history."""

    table: MemoryTable
    clock: Callable[[], datetime]
    calls: Counter[str] = field(default_factory=Counter)
    hit: int = 0
    every_call: int = 0
    is_stalled: bool = False
    armed: list[tuple[Fault, int]] = field(default_factory=list)
    meanwhile: Callable[[Fault], None] | None = None
    effects: list[Effect] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    told: Callable[[str], None] | None = None

    def arm(self, fault: Fault) -> None:
        """This fault happens at its call, counted from now, in this step or a later one."""
        self.armed.append((fault, self.calls[fault.port] + fault.call))

    def disarm(self) -> None:
        """Nothing happens any more."""
        self.armed.clear()

    def _due(self, port: str) -> Fault | None:
        """The first fault whose call this is; while one worker stands still, the other one does not."""
        for place, (fault, at) in enumerate(self.armed):
            is_free = fault.how != "stall" or not self.is_stalled
            if fault.port in ("", port) and self.calls[fault.port] >= at and is_free:
                return self.armed.pop(place)[0]
        return None

    def find(self, oracle: str, what: str) -> None:
        """Note what must not be."""
        if Finding(oracle, what) not in self.findings:
            self.findings.append(Finding(oracle, what))

    def call(self, port: str, method: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """One call of a port by a worker."""
        self.calls.update(("", port))
        self.every_call += 1
        fault = self._due(port)
        if fault is None:
            return self._done(port, method, real, args, kwargs)
        self.hit += 1
        self._say(f"{fault.how} at call {fault.call}, {port}.{method}" + f" {fault.detail}".rstrip())
        if fault.how == "crash" and fault.detail == "before":
            raise Crash(f"{port}.{method}")
        if fault.how == "busy":
            raise _busy(port, f"{method} did not arrive")
        answer = self._done(port, method, real, args, kwargs)
        if fault.how == "crash":
            raise Crash(f"{port}.{method}")
        if fault.how == "lost":
            raise _lost(port, method, args)
        self.is_stalled = True
        if self.meanwhile is not None:
            self.meanwhile(fault)
        self.is_stalled = False
        return answer

    def _say(self, what: str) -> None:
        if self.told is not None:
            self.told(what)

    def _done(self, port: str, method: str, real: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        deed = DEEDS.get((port, method))
        if deed is None:
            answer = real(*args, **kwargs)
            if (port, method) == ("table", "write"):
                self._check_open(args[0], args[1])
            return answer
        fake: Any = getattr(real, "__self__", None)
        before = deed.seen(fake, *args, **kwargs)
        asked = self._asked(deed, args, kwargs)
        answer = real(*args, **kwargs)
        after = deed.seen(fake, *args, **kwargs)
        if before != after:
            model = deed.model(*args, **kwargs)
            what = json.dumps(dict(deed.wanted(*args, **kwargs)), sort_keys=True)
            self.effects.append(Effect(deed.kinds[0], model, what, asked, self.clock()))
            if not asked:
                self.find(
                    "effects", f"{port}.{method} {what} of {model} had no command in the outbox that asked for it"
                )
        return answer

    def _asked(self, deed: Deed, args: Any, kwargs: Any) -> tuple[int, ...]:
        model, wanted = deed.model(*args, **kwargs), deed.wanted(*args, **kwargs)
        keys = self.table.rows.between(model, OUTBOX, EARLY, 1000)
        waiting = [json.loads(self.table.rows[(model, key)][0]) for key in keys]
        flat = [(command, {**command, **command["payload"]}) for command in waiting]
        return tuple(
            command["number"]
            for command, known in flat
            if command["kind"] in deed.kinds and all(known.get(name) == value for name, value in wanted.items())
        )

    def _check_open(self, model: str, writes: Any) -> None:
        """Every open release is live or waits with deadline and owner; never two live, two shipping or two building."""
        if not any(write.key.startswith(OPEN) for write in writes):
            return
        keys = self.table.rows.between(model, OPEN, OPEN + "~", 100)
        stored = [json.loads(self.table.rows[(model, key)][0]) for key in keys]
        for release in stored:
            if release["state"] != LIVE and not (release["deadline"] and release["owner"]):
                self.find("waiting", f"{release['id']} waits in silence as {release['state']}")
        states = [release["state"] for release in stored]
        live, shipping = states.count(LIVE), sum(state in SHIPPING for state in states)
        if live > 1 or shipping > 1 or len(states) - live - shipping > 1:
            self.find("slots", f"{model} has open releases {sorted(states)}")


class Watched:
    """A port as a worker sees it."""

    def __init__(self, watch: Watch, name: str, port: Any) -> None:
        self._watch = watch
        self._name = name
        self._port = port

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._port, method)
        return functools.partial(self._watch.call, self._name, method, real) if callable(real) else real


def _busy(port: str, what: str) -> Exception:
    kind = StorageBusy if port in STORAGE else PlatformBusy
    return kind(f"{port}: {what}", next="ask again")


def _lost(port: str, method: str, args: Any) -> Exception:
    """What a caller meets whose call took effect without an answer; of a write also what the SDK's own retry meets."""
    if (port, method) != ("table", "write"):
        return _busy(port, f"{method} gave no answer")
    writes = args[1]
    if len(writes) % 3 == 0:
        return RowExists("the client's own retry met its first try", next="read again")
    return (
        RowChanged("the client's own retry met its first try", next="read again")
        if len(writes) % 3 == 1
        else _busy(port, "no answer")
    )
