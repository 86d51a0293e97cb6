"""Rings after a commit: for what is due now, and once for what is due soon; the sweep covers the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.folding.draft import Draft
from shared.storage.port import Bells

RING_AHEAD = timedelta(minutes=2)
BASKET_LATE = timedelta(seconds=2)


class Rings:
    """Rings for what a fold committed. Remembers, per model, for when it rang last for the basket."""

    def __init__(self, bells: Bells) -> None:
        self._bells = bells
        self._rung_for_basket: dict[str, datetime] = {}

    def after_commit(self, model: str, draft: Draft, now: datetime) -> None:
        """Ring for commands that are new or stood still: now if any is due, and once later for the first that is not."""
        for queue in draft.rings:
            self._bells.ring(queue, model)
        waits = sorted(command.due - now for command in draft.commands)
        if (waits and waits[0] <= timedelta(0)) or (draft.was_still and not draft.head.is_still):
            self._bells.ring("perform", model)
        soon = [wait for wait in waits if timedelta(0) < wait <= RING_AHEAD]
        if soon:
            self._bells.ring("perform", model, after=soon[0])
        self._ring_for_basket(model, draft.head.basket.look_at, now)

    def _ring_for_basket(self, model: str, look_at: datetime | None, now: datetime) -> None:
        """Ring when the basket may be ready, a little late: in a flood that moment moves with each file, and one ring does for several."""
        if look_at is None or not timedelta(0) < look_at - now <= RING_AHEAD:
            return
        rung = self._rung_for_basket.get(model)
        if rung is None or not look_at < rung <= look_at + BASKET_LATE:
            self._rung_for_basket[model] = look_at + BASKET_LATE
            self._bells.ring("advance", model, after=look_at - now + BASKET_LATE)
