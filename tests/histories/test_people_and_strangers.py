"""Random histories of people, strangers and outages: every order of approvals, roll-backs, pauses and hands on the endpoint.

There is no orderly run to compare with, since order decides here. What must hold is in `oracle.py`: at every
write, at every split that is set, and once all is quiet. A failing seed repeats exactly.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.errors import BatonError
from shared.state import ENDS
from shared.storage.port import RowChanged, StorageBusy
from tests.histories.oracle import (
    Approvals,
    JudgingTrainer,
    WatchedEndpoints,
    WatchedTable,
    check_platform,
    check_rest,
    check_rows,
)
from tests.world import World

SEEDS = 40
ACTS = 30
FAULT_SHARE = 0.01
WAITS = (0, 1, 31, 95, 95, 300, 900, 2400)


class Crash(BaseException):
    """The process ends here."""


class History:
    """One random history: what happens next is drawn from `chance`."""

    def __init__(self, home: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.approvals = Approvals()
        self.endpoints = WatchedEndpoints(self.approvals)
        self.world = World(home, table=WatchedTable(), trainer=JudgingTrainer(), endpoints=self.endpoints)
        self.world.publish()
        self.world.settle()
        self.armed = False
        self.world.table.trap = self.world.bells.trap = self.world.blobs.trap = self._trap

    def _trap(self, call: str) -> None:
        if not self.armed or self.chance.random() >= FAULT_SHARE:
            return
        if call == "after write":  # it was applied, but the answer is lost; or the client's own retry met its first try
            fault: list[BaseException] = [
                StorageBusy("no answer", next="ask again"),
                RowChanged("own retry", next="read"),
            ]
            raise self.chance.choice(fault)
        raise Crash(call)

    def survive(self, act: Callable[[], object]) -> bool:
        """Do one thing as a process that may end in it; True if it came through."""
        try:
            act()
        except Crash:
            self.world.restart()
            return False
        except BatonError:
            return False
        return True

    def run(self) -> None:
        """The acts, each followed by some work and some time."""
        acts = [getattr(self, name) for name in dir(self) if name.startswith("act_")]
        for _ in range(ACTS):
            self.armed = self.chance.random() < 0.8
            self.survive(self.chance.choice(acts))
            for _ in range(self.chance.randint(0, 2)):
                self.survive(lambda: self.world.settle())
            self.world.now += timedelta(seconds=self.chance.choice(WAITS))

    def come_to_rest(self) -> None:
        """Everything answers again, nothing is paused, and time passes until only people are waited for."""
        self.armed = False
        self.act_recover()
        self.world.settle()  # a pause that still waits to be decided comes before the resume
        if self.world.head().paused:
            self.world.ask(events.ResumeRequested)
        self.world.wait(timedelta(hours=5), step=timedelta(minutes=2))

    # What people, strangers and the platform do

    def act_drop(self) -> None:
        self.world.drop(f"rows {self.chance.randint(1, 30)}", name=f"f{self.chance.randint(1, 30)}")

    def act_drop_more(self) -> None:
        self.act_drop()

    def act_drop_bad(self) -> None:
        self.world.drop("bad rows")

    def act_publish(self) -> None:
        self.world.publish(alpha=self.chance.randint(1, 4), adopt=self.chance.choice(["always", "never"]))

    def act_drift(self) -> None:
        self.world.drift(run=f"d{self.chance.randint(1, 50)}")

    def act_register(self) -> None:
        self.world.register_by_hand()

    def act_approve(self) -> None:
        shipping = self.world.head().shipping
        if shipping and self.world.release(shipping).state == "awaiting approval":
            self.approvals.given.add(shipping)
            self.world.decide(shipping)

    def act_approve_again(self) -> None:
        self.act_approve()

    def act_approve_and_wait(self) -> None:
        self.act_approve()
        self.survive(lambda: self.world.wait(timedelta(minutes=self.chance.randint(0, 6))))

    def act_approve_as_author(self) -> None:
        shipping = self.world.head().shipping
        if shipping and self.world.release(shipping).state == "awaiting approval":
            self.world.decide(shipping, by="author")

    def act_reject(self) -> None:
        shipping = self.world.head().shipping
        if (
            shipping
            and self.world.release(shipping).state == "awaiting approval"
            and shipping not in self.approvals.given
        ):
            self.world.decide(shipping, approve=False)

    def act_roll_back(self) -> None:
        self.world.ask(events.RollbackRequested)

    def act_pause(self) -> None:
        self.world.ask(events.PauseRequested)

    def act_resume(self) -> None:
        self.world.ask(events.ResumeRequested)

    def act_resume_again(self) -> None:
        self.world.ask(events.ResumeRequested)

    def act_retry(self) -> None:
        ended = [release for release, state in self.world.states().items() if state in ENDS]
        if ended:
            self.world.ask(events.RetryRequested, release=self.chance.choice(ended))

    def act_errors(self) -> None:
        shipping = self.world.head().shipping
        seen = self.endpoints.look("m")
        if seen and shipping in {deployment.name for deployment in seen.deployments}:
            self.endpoints.count("m", shipping, requests=20, errors=self.chance.choice([0, 20]))

    def act_outage(self) -> None:
        which = self.chance.randrange(3)
        self.world.trainer.busy, self.world.registry.busy, self.endpoints.busy = (which == n for n in range(3))

    def act_recover(self) -> None:
        self.world.trainer.busy = self.world.registry.busy = self.endpoints.busy = False

    def act_recover_again(self) -> None:
        self.act_recover()


class HistoryWithHands(History):
    """The same, and somebody moves traffic with the platform's own client."""

    def act_by_hand(self) -> None:
        seen = self.endpoints.look("m")
        names = [deployment.name for deployment in seen.deployments] if seen else []
        if names:
            first, second = self.chance.choice(names), self.chance.choice(names)
            self.endpoints.move_by_hand("m", {first: 100} if first == second else {first: 70, second: 30})


@pytest.mark.parametrize("seed", range(SEEDS))
def test_people_strangers_and_outages_in_any_order_break_nothing(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    history.run()
    history.come_to_rest()
    check_rows(history.world)
    check_platform(history.world)
    check_rest(history.world, strict=history.world.head().dead == 0)


@pytest.mark.parametrize("seed", range(SEEDS // 2))
def test_hands_on_the_endpoint_are_seen_and_never_fought_over(tmp_path: Path, seed: int) -> None:
    history = HistoryWithHands(tmp_path, seed)
    history.run()
    history.come_to_rest()
    check_rows(history.world)
    check_platform(history.world)
    check_rest(history.world, strict=False)
