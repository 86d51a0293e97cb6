"""`baton freeze` and `unfreeze` over the whole application in memory, which works on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.integration.command_line import CommandLine
from tests.world import World

MODELS = ("diabetes", "wine", "churn")


@contextmanager
def _working(world: World) -> Iterator[None]:
    """The doorbells are answered and time passes, as in a running Baton."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            world.now += timedelta(seconds=1)
            for model in MODELS:
                world.app.fold.advance(model)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def test_freeze_says_done_once_it_holds_everywhere_and_unfreeze_once_all_go_on(
    world: World, baton: CommandLine
) -> None:
    with _working(world):
        froze = baton("freeze", "--why", "incident 42")
        status = baton("status")
        asked = baton("rollback", "diabetes", "--why", "wrong scores")
        again = baton("freeze", "--why", "incident 43")
        over = baton("unfreeze", "--why", "over")

    assert (froze.code, froze.out.startswith("frozen since ")) == (0, True)
    assert "Everything is frozen by operations" in status.out
    assert 'Next: baton unfreeze --why "..."' in status.out
    assert "It waits: everything is frozen by operations" in asked.out
    assert (again.code, "frozen already" in again.err) == (2, True)
    assert (over.code, over.out) == (0, "unfrozen: 3 of 3 models go on\nNext: baton status.\n")


def test_there_is_nothing_to_unfreeze_where_nothing_is_frozen(baton: CommandLine) -> None:
    ran = baton("unfreeze", "--why", "over")
    assert (ran.code, "Nothing is frozen." in ran.err) == (2, True)
