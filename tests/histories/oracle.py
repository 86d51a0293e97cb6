"""What must hold at every moment of a history, asked of the ports and the stored rows, not of the code's own bookkeeping."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.journaling import journal
from shared.journaling.rebuild import rebuild
from shared.platforms.port import RunSeen
from shared.state import LIVE, Command
from shared.storage.port import Delete, Write
from tests.fakes.platform import FakeEndpoints, FakeTrainer
from tests.fakes.storage import MemoryTable
from tests.histories.older import side_by_side
from tests.world import World, evidence

OPEN = "!1open:"


@dataclass
class WatchedTable(MemoryTable):
    """Checks every open release that is written: it is live, or has a deadline and an owner; never two live or two shipping."""

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        answer = super().write(partition, writes)
        for write in writes:
            if not isinstance(write, Delete) and write.key.startswith(OPEN):
                stored = json.loads(write.body)
                waits = stored["deadline"] and stored["owner"]
                assert stored["state"] == LIVE or waits, f"{stored['id']} waits in silence: {stored}"
        if any(write.key.startswith(OPEN) for write in writes):
            states = [json.loads(row.body)["state"] for row in self.page(partition, OPEN, OPEN + "~", 100)]
            assert states.count(LIVE) <= 1, states
            assert sum(state in ("awaiting approval", "rolling out") for state in states) <= 1, states
            assert sum(state not in ("awaiting approval", "rolling out", LIVE) for state in states) <= 1, states
        return answer


@dataclass
class Approvals:
    """Releases that a person really approved, as the test itself noted."""

    given: set[str] = field(default_factory=set)


class WatchedEndpoints(FakeEndpoints):
    """Checks every split that Baton sets: whole or empty, and nothing of it goes to what no person approved."""

    def __init__(self, approvals: Approvals) -> None:
        super().__init__()
        self._approvals = approvals
        self.by_hand: set[str] = set()

    def set_traffic(self, model: str, split: Mapping[str, int], *, expected: Mapping[str, int]) -> None:
        super().set_traffic(model, split, expected=expected)
        seen = self.look(model)
        now = seen.split if seen else {}
        assert sum(now.values()) in (0, 100), now
        unapproved = now.keys() - self._approvals.given - self.by_hand
        assert not unapproved, f"{unapproved} serves without an approval"

    def move_by_hand(self, model: str, split: Mapping[str, int]) -> None:
        """What somebody does with the platform's own client."""
        seen = self.look(model)
        self.by_hand |= split.keys()
        super().set_traffic(model, split, expected=seen.split if seen else {})


class JudgingTrainer(FakeTrainer):
    """A judge run compares with the champion that it was given; two of three candidates prove their gain."""

    def look(self, run_id: str) -> RunSeen | None:
        seen = super().look(run_id)
        request = self._requests.get(run_id)
        if seen is None or request is None or request.step != "judge" or seen.status != "completed":
            return seen
        champion = request.inputs.get("champion", "").removeprefix("version:")
        better = int(hashlib.sha256(run_id.encode()).hexdigest(), 16) % 3 > 0
        told = evidence(2500.0 if better else 2990.0, 3000.0 if champion else None, version=champion)
        return replace(seen, result=told.result)


def check_rows(world: World, model: str = "m") -> None:
    """Folding the journal gives the rows; every line chains; the head's counts are the rows' own."""
    lines = world.app.book.journal(model, limit=100_000)
    assert journal.first_break(lines) is None
    head, opened, ended = rebuild(model, lines, world.app.parts.rules)
    stored = world.app.book.read(model)
    assert head is not None
    assert stored.head is not None
    assert head == replace(stored.head, wake_at=None)
    assert opened == dict(stored.releases)
    by_journal, there = side_by_side(
        ended, [row.body for row in world.table.page(model, "release:", "release:~", 10_000)]
    )
    assert by_journal == there
    decided = [journal.read(line)["event"]["id"] for line in lines if journal.read(line)["answer"] != "early"]
    assert len(decided) == len(set(decided))
    outbox = world.table.page(model, "!3out:", "!4early:", 10_000)
    assert len(outbox) == stored.head.outstanding
    assert len(world.table.page(model, "!4early:", "!4early:~", 10_000)) == stored.head.early


def check_platform(world: World, model: str = "m") -> None:
    """Each run, version and deployment came to be at most once."""
    made = [version.run_id for version in world.registry.versions(model) if version.run_id]
    assert len(made) == len(set(made))
    runs = [run.run_id for run in world.trainer.started]
    assert len(runs) == len(set(runs))


def check_rest(world: World, model: str = "m", *, strict: bool = True) -> None:
    """Once nothing moves: the champion has all the traffic, and no deployment is left that nothing needs."""
    stored = world.app.book.read(model)
    assert stored.head is not None
    seen = world.endpoints.look(model)
    split = seen.split if seen else {}
    champion, previous = stored.head.champion, stored.head.previous
    live = [release for release in stored.releases.values() if release.state == LIVE]
    assert all(champion is not None and champion.release == release.id for release in live)
    assert not [command for command in _outbox(world, model) if command.kind == "set_traffic"]
    if not strict:
        return
    assert split == ({champion.deployment: 100} if champion else {})
    needed = {kept.deployment for kept in (champion, previous) if kept} | set(stored.releases)
    left = {deployment.name for deployment in seen.deployments} - needed if seen else set()
    assert not left, f"nothing needs {left}"


def _outbox(world: World, model: str) -> list[Command]:
    return [command for command, _, _ in world.app.book.commands(model)]
