"""The sweep: whatever was lost, it rings for again. It decides nothing, and running twice at once is harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from shared import log
from shared.errors import BatonError, NewerForm, RowDamaged
from shared.freezing import Freezer
from shared.ledger import Ledger
from shared.state import LIVE
from shared.storage.port import Bells
from shared.table.prune import Pruner
from shared.table.system import Freeze
from shared.undelivered import CONTAINER, Undelivered
from shared.watching.census import Census, Standing, standing
from shared.watching.certificate_watch import CertificateWatch

EVERY_MODEL_EACH_MINUTES = 5


class Sweeper:
    """Rings for models whose `wake_at` has passed, and every few minutes for all, in case a ring for new events was lost."""

    def __init__(
        self,
        book: Ledger,
        bells: Bells,
        undelivered: Undelivered,
        freezer: Freezer,
        pruner: Pruner,
        certificates: CertificateWatch,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._book = book
        self._bells = bells
        self._undelivered = undelivered
        self._freezer = freezer
        self._pruner = pruner
        self._certificates = certificates
        self._told_undelivered = 0
        self._told_expiring: set[str] = set()
        self._overdue: set[str] = set()
        self._clock = clock
        self._all_rung_at: datetime | None = None

    def sweep(self) -> int:
        """Ring for every model that is due; returns how many."""
        now = self._clock()
        everybody, freeze = self._is_time_for_all(now), self._freezer.last()
        models, rung = self._book.models(), 0
        for model in models:
            if self._is_due(model, now, freeze) or everybody:
                self._bells.ring("advance", model)
                self._bells.ring("perform", model)
                rung += 1
        if everybody:
            self._look_at_undelivered()
            self._prune()
            self._tell(self._census(models, now), rung)
        return rung

    def _census(self, models: Iterable[str], now: datetime) -> Census:
        """Look how every model stands, and say of each what somebody must do. What cannot be read is told elsewhere."""
        census = Census()
        for model in models:
            try:
                one = standing(model, self._book.read(model), now)
            except BatonError:
                continue
            census.add(one)
            self._tell_standing(one, now)
            self._certificates.look(one.live, now)
        return census

    def _tell_standing(self, one: Standing, now: datetime) -> None:
        if one.is_stuck and one.model in self._overdue:  # rung for since the last look, and still
            minutes = round(one.overdue.total_seconds() / 60)
            todo = "baton doctor; docs/runbook.md#stuck"
            log.error("model does not move", model=one.model, overdue_minutes=minutes, next=todo)
        (self._overdue.add if one.is_stuck else self._overdue.discard)(one.model)
        for release in one.expiring:
            if release.id in self._told_expiring or release.deadline is None:
                continue
            self._told_expiring.add(release.id)
            left = (release.deadline - now).total_seconds() / 60
            log.warning(
                "approval about to expire",
                release=release.id,
                model=one.model,
                owner=release.owner,
                minutes_left=round(left),
                next=f"baton approve {release.id} --why ... or baton reject {release.id} --why ...",
            )

    def _tell(self, census: Census, rung: int) -> None:
        """The sign of life whose absence is an alert, with what the workbook shows."""
        log.info(
            "sweep done",
            models=census.models,
            rung=rung,
            open=sum(number for state, number in census.states.items() if state != LIVE),
            waiting=census.states["awaiting approval"],
            stuck=census.stuck,
            dead=census.dead,
            states=", ".join(f"{state}: {number}" for state, number in sorted(census.states.items())),
            oldest_seconds=round(census.oldest.total_seconds()),
            releases_day=census.releases_day,
            run_minutes_day=round(census.seconds_day / 60, 1),
            run_minutes_month=round(census.seconds_month / 60, 1),
        )

    def _prune(self) -> None:
        """Remove what was kept long enough. The rings are out by now: storage that does not answer costs nothing else."""
        try:
            removed = self._pruner.prune()
        except BatonError as error:
            log.warning("old rows not removed", why=error.what)
            return
        if removed:
            log.info("old rows removed", count=removed)

    def _look_at_undelivered(self) -> None:
        """Say how many events Event Grid could not deliver, whenever their number has changed."""
        try:
            found = len(self._undelivered.waiting())
        except BatonError as error:
            log.warning("undelivered events not counted", why=error.what)
            return
        if found and found != self._told_undelivered:
            todo = "baton deadletters; docs/runbook.md#deadletter"
            log.error("events could not be delivered", container=CONTAINER, blobs=found, next=todo)
        self._told_undelivered = found

    def _is_due(self, model: str, now: datetime, freeze: Freeze | None) -> bool:
        """Whether the model's time has come; one whose head cannot be read is rung for, so that the failure shows there.

        A model that does not know of the last freeze, or of its end, is told.
        """
        try:
            head = self._book.head(model)
            if head is not None:
                self._freezer.catch_up(model, head, freeze)
        except NewerForm:  # a worker that knows the form may answer the ring
            return True
        except RowDamaged as damaged:
            log.error("head not readable", model=model, why=damaged.what, next=damaged.next)
            return True
        return head is not None and head.wake_at is not None and head.wake_at <= now

    def _is_time_for_all(self, now: datetime) -> bool:
        last = self._all_rung_at
        if last is not None and (now - last).total_seconds() < EVERY_MODEL_EACH_MINUTES * 60:
            return False
        self._all_rung_at = now
        return True
