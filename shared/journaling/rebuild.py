"""The journal rebuilds the ledger: folding its lines again gives every row that decisions come to, without any of them.

What a line says was decided is taken from it (set aside, early, a segment asked to be closed); the rest follows from
the event by the same pure decision. Not in the journal, and so not rebuilt: events that wait in the inbox, claims and
tries of commands, dead letters of the queues.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared import events, names, release
from shared.folding.turn import Decision
from shared.journaling import journal, segments
from shared.spec import Spec
from shared.state import AcceptedFile, Command, Head, Release
from shared.table import forms

SET_ASIDE = ("refused", "dead")
Rules = Callable[[str, str], Spec]


@dataclass(slots=True)
class Rebuilt:
    """What the journal tells of a model. `wake_at` of the head is left out: it follows from the rest."""

    model: str
    head: Head | None = None
    opened: dict[str, Release] = field(default_factory=dict)
    ended: dict[str, Release] = field(default_factory=dict)
    outbox: dict[int, Command] = field(default_factory=dict)
    files: list[AcceptedFile] = field(default_factory=list)
    early: dict[str, tuple[events.Event, datetime]] = field(default_factory=dict)
    dead_events: dict[str, tuple[events.Event, str, datetime]] = field(default_factory=dict)
    dead_commands: dict[int, tuple[Command, str, datetime]] = field(default_factory=dict)
    seen: dict[str, events.Event] = field(default_factory=dict)

    def take(self, line: str, rules: Rules) -> None:
        """Fold the next line. One of an older release may come to nothing by today's rules: what it came to was carried over."""
        try:
            self._take(line, rules)
        except Exception:
            if not forms.is_older(line):
                raise
            head = self.head or Head(self.model, "", "")
            self.head = replace(head, next_line=int(json.loads(line)["n"]) + 1, line_hash=names.digest(line))

    def _take(self, line: str, rules: Rules) -> None:
        found = journal.read(line)
        event, at = events.load(found["event"]), datetime.fromisoformat(found["at"])
        if self.head is None:
            assert isinstance(event, events.ModelPublished), "a journal begins with a publish"
            self.head = Head(self.model, event.folder, event.by)
        decision = self._decided(self.head, event, at, found, rules)
        if "closes" in found:
            head, command = segments.ask(decision.head, int(found["closes"]), at)
            decision = replace(decision, head=head, commands=(*decision.commands, command))
        self._answer(event, found, at)
        self._keep(decision)
        head = self._count_early(decision.head, event, found["answer"], at)
        self.head = replace(head, next_line=found["n"] + 1, line_hash=names.digest(line))

    def _decided(
        self, head: Head, event: events.Event, at: datetime, found: Mapping[str, Any], rules: Rules
    ) -> Decision:
        if found["answer"] in SET_ASIDE:
            dead = found["answer"] == "dead"
            if dead:
                self.dead_events[event.id] = (event, str(found["why"]), at)
            return Decision("stale", "", replace(head, dead=head.dead + dead), self.opened)
        needed = set() if isinstance(event, events.Carried) else _folders(head, self.opened, event)
        known = {folder: rules(self.model, folder) for folder in needed}
        return release.decide(known, head, self.opened, event, at, release=found["release"])

    def _answer(self, event: events.Event, found: Mapping[str, Any], at: datetime) -> None:
        """An outcome takes its command out of the outbox; one that was given up is a dead letter."""
        if isinstance(event, events.ReplayRequested | events.DiscardRequested):
            self._off_the_list(event.letter, found["answer"])
        if isinstance(event, events.RowSetAside):
            self.early.pop(event.row.rsplit(":", 1)[1], None)
            self.outbox = {
                number: one for number, one in self.outbox.items() if not event.row.endswith(f":{number:012d}")
            }
        if not isinstance(event, events.Outcome):
            self.seen[event.id] = event
            return
        command = self.outbox.pop(event.command, None)
        if isinstance(event, events.CommandFailed) and command is not None:
            self.dead_commands[event.command] = (replace(command, tries=event.tries - 1), event.reason, at)

    def _off_the_list(self, letter: str, answer: str) -> None:
        """A dead letter was replayed or discarded."""
        if answer != "taken":
            return
        self.dead_events.pop(letter.removeprefix("dead:"), None)
        number = letter.removeprefix("dead:command-")
        self.dead_commands.pop(int(number) if number.isdigit() else 0, None)

    def _keep(self, decision: Decision) -> None:
        self.opened = dict(decision.releases)
        self.ended |= {done.id: done for done in decision.ended}
        self.outbox |= {command.number: command for command in decision.commands}
        self.files += decision.files

    def _count_early(self, head: Head, event: events.Event, answer: str, at: datetime) -> Head:
        if answer == "early":
            self.early[event.id] = (event, at)
            return replace(head, early=head.early + 1)
        if event.id in self.early:
            del self.early[event.id]
            return replace(head, early=head.early - 1)
        return head


def rebuilt(model: str, lines: Iterable[str], rules: Rules) -> Rebuilt:
    """Everything that the journal's lines, from the first on, come to."""
    found = Rebuilt(model)
    for line in lines:
        found.take(line, rules)
    return found


def rebuild(
    model: str, lines: Iterable[str], rules: Rules
) -> tuple[Head | None, dict[str, Release], dict[str, Release]]:
    """Head, open releases and ended ones as the journal tells them."""
    found = rebuilt(model, lines, rules)
    return found.head, found.opened, found.ended


def _folders(head: Head, opened: Mapping[str, Release], event: events.Event) -> set[str]:
    named = {head.folder, *(one.folder for one in opened.values())}
    return named | {event.folder} if isinstance(event, events.ModelPublished) else named
