"""The first oracle: folding the journal in its own order gives exactly the rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from shared.state import Head, loads
from tests.histories.older import side_by_side
from tests.histories.told import ALL, Told


def check_rows(told: Told) -> None:
    """The journal alone tells every row of the partition."""
    find = told.stage.watch.find
    broken = journal.first_break(told.text)
    if broken is not None:
        find("rows", f"the journal of {told.model} breaks at line {broken}")
    head, opened, ended = rebuild(told.model, told.text, told.stage.world.app.parts.rules)
    table = told.stage.world.table
    stored = loads(Head, table.rows[(told.model, "!0head")][0])
    same(told, "head", head, replace(stored, wake_at=None))
    same(told, "open releases", *side_by_side(opened, _bodies(told, "!1open:")))
    same(told, "ended releases", *side_by_side(ended, _bodies(told, "release:")))
    same(told, "files", _accepted(told), {row["number"]: row["sha256"] for row in told.rows("file:").values()})
    hashes = {sha256: row["number"] for sha256, row in told.rows("sha:").items()}
    same(told, "file hashes", {sha256: number for number, sha256 in _accepted(told).items()}, hashes)
    outbox = {row["number"]: row["kind"] for row in told.rows("!3out:", "!4").values()}
    same(told, "outbox", _unanswered(told), outbox)
    same(told, "early events", _early(told), Counter(row["event"]["id"] for row in told.rows("!4early:").values()))
    same(told, "dead letters", _dead(told), set(told.rows("dead:")))
    same(told, "inbox", {}, told.rows("!2in:"))


def same(told: Told, what: str, by_journal: object, stored: object) -> None:
    """Note where the journal and the rows tell different things."""
    if by_journal != stored:
        told.stage.watch.find("rows", f"{told.model}: {what} by the journal {by_journal}, stored {stored}")


def _bodies(told: Told, prefix: str) -> list[str]:
    table = told.stage.world.table
    return [table.rows[(told.model, key)][0] for key in table.rows.between(told.model, prefix, prefix + "~", ALL)]


def _accepted(told: Told) -> dict[int, str]:
    new = [event["sha256"] for event in told.events("FileAccepted") if not event["known_as"]]
    return dict(enumerate(new, start=1))


def _unanswered(told: Told) -> dict[int, str]:
    answered = {line["event"]["command"] for line in told.lines if "command" in line["event"]}
    return {number: kind for number, (kind, _) in told.commands.items() if number not in answered}


def _early(told: Told) -> Counter[str]:
    waiting: Counter[str] = Counter()
    for line in told.lines:
        waiting[line["event"]["id"]] += 1 if line["answer"] == "early" else 0
        if line["answer"] != "early":
            waiting.pop(line["event"]["id"], None)
    return +waiting


def _dead(told: Told) -> set[str]:
    """Whose dead letters stand: those of events and commands that were given up, without what a person asked to have gone."""
    dead = {line["event"]["id"] for line in told.lines if line["answer"] == "dead"}
    dead |= {f"command-{event['command']:012d}" for event in told.events("CommandFailed")}
    asked = [line for line in told.lines if line["event"]["kind"] in ("ReplayRequested", "DiscardRequested")]
    return dead - {line["event"]["letter"].removeprefix("dead:") for line in asked if line["answer"] == "taken"}
