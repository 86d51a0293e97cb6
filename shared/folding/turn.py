"""One event being decided: the state it found, and what the decision adds to it.

A `Turn` lives for one call of `release.decide`. It is the only mutable thing in the pure part, and
nothing of it escapes but the finished `Decision`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from shared import commands, names
from shared.spec import Spec
from shared.state import ENDS, LIVE, SHIPPING, AcceptedFile, Cause, Command, Head, Release
from shared.table.room import cut
from shared.traces import context

ANSWERS = ("taken", "stale", "early")
Answer = Literal["taken", "stale", "early"]
PAST_KEPT = 24
NUMBERS_KEPT = 24
DENIED_KEPT = 20
USELESS = ("held", "rejected", "expired", "failed", "rolled back")
SOON = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence of the story: what happened, to which release, by which rule and numbers, what to do next.

    `passes` is what would let pass what was stopped.
    """

    what: str
    release: str = ""
    rule: str = ""
    why: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    next: str = ""
    level: Literal["debug", "info", "warning", "error"] = "info"
    passes: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the fold commits: the answer, the new state, and what goes out."""

    answer: Answer
    why: str
    head: Head
    releases: Mapping[str, Release]
    ended: tuple[Release, ...] = ()
    commands: tuple[Command, ...] = ()
    files: tuple[AcceptedFile, ...] = ()
    notes: tuple[Note, ...] = ()


class Turn:
    """State under decision, with the few operations that every transition is made of."""

    NOT_WAITING: ClassVar[Mapping[str, Any]] = {
        "waits_for": "",
        "waits_since": None,
        "waits_command": 0,
        "waits_left": 0.0,
    }

    def __init__(
        self,
        rules: Mapping[str, Spec],
        head: Head,
        releases: Mapping[str, Release],
        event: str,
        now: datetime,
        *,
        trace: str = "",
    ) -> None:
        self.rules = rules
        self.head = head
        self.releases = dict(releases)
        self.event = event
        self.now = now
        self.trace = trace
        self.ended: list[Release] = []
        self.commands: list[Command] = []
        self.files: list[AcceptedFile] = []
        self.notes: list[Note] = []

    @property
    def journal(self) -> str:
        """The last line before this decision and its hash, `LINE:HASH`: to be kept outside the journal, as a witness of it."""
        return f"{self.head.next_line - 1}:{self.head.line_hash}" if self.head.line_hash else ""

    @property
    def spec(self) -> Spec:
        """The rules in force for what belongs to no release."""
        return self.rules[self.head.folder]

    def spec_of(self, release: Release) -> Spec:
        """The rules that the release began with."""
        return self.rules[release.folder]

    def set_head(self, **changes: Any) -> None:
        """Replace fields of the head."""
        self.head = replace(self.head, **changes)

    def set(self, release: Release, **changes: Any) -> Release:
        """Replace fields of an open release; returns it as it is now."""
        self.releases[release.id] = replace(release, **changes)
        return self.releases[release.id]

    def note(self, what: str, release: Release | str = "", **details: Any) -> None:
        """Tell one sentence of the story, cut to what a journal line has room for."""
        name = release if isinstance(release, str) else release.id
        texts = {key: cut(text) for key, text in details.items() if isinstance(text, str)}
        numbers = dict(list(details.get("numbers", {}).items())[:NUMBERS_KEPT])
        self.notes.append(Note(what, name, **{**details, **texts, "numbers": numbers}))

    def send(self, kind: str, release: Release | str = "", *, after: timedelta = timedelta(0), **payload: Any) -> None:
        """Put a command in the outbox, due `after` from now."""
        name = release if isinstance(release, str) else release.id
        number = self.head.next_command
        urgency = commands.KINDS[kind].urgency
        if kind == "observe_champion":  # so that its answer shows whether the traffic was moved meanwhile
            payload |= {"moves": self.head.moves, **self._to_name()}
        due, trace = self.now + after, self._trace_of(release)
        self.commands.append(Command(number, kind, name, due, urgency, payload, trace=trace))
        later = (*self.head.later, (number, self.now + after)) if after > SOON else self.head.later
        self.set_head(next_command=number + 1, outstanding=self.head.outstanding + 1, later=later)

    def _trace_of(self, release: Release | str) -> str:
        """What a command carries on: this decision's context, or the release's, if that is of another trace."""
        found = self.releases.get(release) if isinstance(release, str) else release
        other = found is not None and found.trace and not context.is_same(found.trace, self.trace)
        return found.trace if found is not None and other else self.trace

    def _to_name(self) -> dict[str, str]:
        """The champion that we put in its place and that the registry was not told of yet."""
        champion = self.head.champion
        return {"name": champion.version} if champion and champion.release and not champion.named else {}

    def done(self, number: int) -> None:
        """A command of the outbox is answered."""
        later = tuple(entry for entry in self.head.later if entry[0] != number)
        self.set_head(outstanding=self.head.outstanding - 1, later=later)

    def open(self, causes: tuple[Cause, ...], state: str, *, trace: str, **fields: Any) -> Release:
        """Open the next release in the building slot, pinning the folder that is published now; it carries on `trace`."""
        number = self.head.next_release
        name = names.release_id(self.head.model, number)
        release = Release(
            name,
            self.head.model,
            state,
            causes,
            self.head.folder,
            self.head.author,
            self.now,
            past=((state, self.now.isoformat()),),
            trace=context.child(trace, name),
            **fields,
        )
        self.releases[release.id] = release
        self.set_head(next_release=number + 1, building=release.id)
        return release

    def move(self, release: Release, state: str, *, within: timedelta | None, owner: str, **fields: Any) -> Release:
        """Bring a release into a waiting state, with who is waited for and until when (None: for ever)."""
        past = (*release.past, (state, self.now.isoformat()))[-PAST_KEPT:]
        deadline = None if within is None else self.now + within
        moved = {"state": state, "deadline": deadline, "owner": owner, "past": past}
        return self.set(release, **{**self.NOT_WAITING, **moved, **fields})

    def end(self, release: Release, state: str, why: str, *, next: str = "", **details: Any) -> None:
        """Close a release for good, free its slot, remove its deployment unless it is kept warm, and tell its owner once."""
        assert state in ENDS, state
        why = cut(why)
        past = (*release.past, (state, self.now.isoformat()))[-PAST_KEPT:]
        done = replace(release, state=state, why=why, next=next, deadline=None, owner="", past=past)
        del self.releases[release.id]
        self.ended.append(done)
        self._give_back_cut(release)
        self._free_slots(release.id)
        level = "error" if state == "failed" else "info"
        self.note(f"release {state}", release, why=why, next=next, level=level, **details)
        self.send("tell", release, state=state, why=why, next=next)
        if state != "replaced" and _was_deployed(release):
            self.send("clean_up", deployment=names.deployment_name(release.id))
        if state in USELESS:
            self._count_useless()
        if state == "rolled back" and release.input_print:
            self.set_head(denied=(*self.head.denied, release.input_print)[-DENIED_KEPT:])

    def _count_useless(self) -> None:
        """One more release in a row that was not promoted. The breaker that opens by it is told once."""
        useless, limit = self.head.useless + 1, self.spec.retrain.breaker
        self.set_head(useless=useless)
        if useless == limit:
            why = f"{useless} releases in a row were not promoted, the limit is {limit}: nothing is retrained by itself"
            todo = f"`baton why-not {self.head.model}` tells what stopped each; docs/retraining.md#breaker"
            numbers = {"useless": useless, "limit": limit}
            self.note("breaker opened", rule="breaker", why=why, numbers=numbers, next=todo, level="warning")
            self.send("tell", state="breaker opened", why=why, next=todo)

    def _give_back_cut(self, release: Release) -> None:
        """No run reads the version of a release that ended before one was named: its files are new in the next one."""
        is_last = self.head.building == release.id and self.head.versioned == release.files
        if is_last and not release.manifest and not release.pinned:
            self.set_head(versioned=self.head.new_from - 1)

    def _free_slots(self, release: str) -> None:
        if self.head.building == release:
            self.set_head(building="")
        if self.head.shipping == release:
            self.set_head(shipping="")

    def decision(self, answer: Answer, why: str) -> Decision:
        """The finished decision."""
        return Decision(
            answer,
            why,
            self.head,
            self.releases,
            tuple(self.ended),
            tuple(self.commands),
            tuple(self.files),
            tuple(self.notes),
        )


def _was_deployed(release: Release) -> bool:
    return release.state in (*SHIPPING, LIVE) or any(state == "staging" for state, _ in release.past)
