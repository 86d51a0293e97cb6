"""Scenes of what keeps a ledger whole: closed segments, damaged rows set aside, a rebuilt table, a new release of the code."""

from __future__ import annotations

from collections.abc import Mapping

from tests.compat.frozen import thawed
from tests.crashes.installation import Installation
from tests.crashes.scenes.standing import Begin, Prepare, drop, of_command, published, received, rings
from tests.keeping import SMALL, keeper_of, put, remove
from tests.world import World

GARBLED = '{"v":2,"nothing":true}'


def _segment_closed(run: Installation) -> Begin:
    """Registrations that nobody adopts made enough lines of the journal; nothing else waits."""
    run.world.sizes = SMALL
    run.end_the_process()
    world = published(run, adopt="never")
    while not world.head().archived.closing:
        world.register_by_hand()
        world.app.fold.advance("m")
    return rings("perform")


def _row_set_aside(run: Installation) -> Begin:
    """A waiting event and the command to check a drop were damaged in the table; another drop arrives."""
    world = published(run)
    world.app.intake.receive(drop(world, "rows"))
    world.app.fold.advance("m")
    (command,) = world.table.page("m", "!3out:", "!4early:", 10)
    put(world, command.key, command.body[:20])
    put(world, "!2in:0damaged", GARBLED)
    return received(drop(world, "more rows"))


def _ledger_rebuilt(run: Installation) -> Begin:
    """The functions are down; a release is damaged in the table, and the command that asks for its run is gone."""
    of_command("look_at_run")(run)
    put(run.world, "!1open:m-0001", GARBLED)
    remove(run.world, *(row.key for row in run.world.table.page("m", "!3out:", "!4early:", 10)))
    run.end_the_process()
    return _rebuild


def _rebuild(world: World) -> None:
    """What a person does, again after it failed: compare, and write only where something differs."""
    repair = keeper_of(world).repair
    if repair.check("m").differences:
        repair.mend("m", by="operations", why="rows were damaged")


def _carried(run: Installation) -> Begin:
    """0.1.0 had given a second version its first share of the traffic, and stopped; today's code answers the next ring."""
    recorded = {role: getattr(run.world, role) for role in ("blobs", "trainer", "registry", "endpoints", "notifier")}
    run.world = thawed("rolling-out-10", run.world.home, **recorded)
    return rings("advance")


SCENES: Mapping[str, Prepare] = {
    "SegmentClosed": _segment_closed,
    "RowSetAside": _row_set_aside,
    "LedgerRebuilt": _ledger_rebuilt,
    "Carried": _carried,
}
