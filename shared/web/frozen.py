"""The freeze of everything, as pages and API show it, and how people ask for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.table.system import BELIEVED_FOR
from shared.web.answers import NotNow
from shared.web.asking import Asked
from shared.wiring import App


@dataclass(frozen=True, slots=True)
class FreezeView:
    """The freeze that holds, or the last one. `settled`: no process begins an effect any more; `told` of `models` know."""

    holds: bool
    settled: bool
    number: int = 0
    by: str = ""
    why: str = ""
    since: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""
    models: int = 0
    told: int = 0


def view(app: App) -> FreezeView:
    """How it stands now; nothing of it is remembered from before."""
    last = app.freezer.last()
    if last is None:
        return FreezeView(holds=False, settled=True)
    found = [head for head in map(app.book.head, app.book.models()) if head is not None]
    told = sum(head.freeze >= last.number if last.holds else not head.is_frozen for head in found)
    settled = not last.holds or app.clock() >= last.since + BELIEVED_FOR
    return FreezeView(
        last.holds,
        settled,
        last.number,
        last.by,
        last.why,
        last.since,
        last.ended_at,
        last.ended_by,
        last.ended_why,
        len(found),
        told,
    )


def freeze(app: App, by: Asked) -> FreezeView:
    """Freeze everything; a repeat under the same key is the same freeze."""
    identity = by.identity()
    held = app.freezer.freeze(identity, by.by, by.why)
    if held.id != identity:
        raise NotNow(f"Everything is frozen already, {held.words}.", next="baton unfreeze --why ...")
    return view(app)


def unfreeze(app: App, by: Asked) -> FreezeView:
    """Let everything go on; a repeat under the same key is the same end."""
    identity = by.identity()
    ended = app.freezer.unfreeze(identity, by.by, by.why)
    if ended is None or ended.ended_id != identity:
        raise NotNow("Nothing is frozen.", next="baton status")
    return view(app)


OF_ALL: Mapping[str, Callable[[App, Asked], FreezeView]] = {"freeze": freeze, "unfreeze": unfreeze}
