"""Live versions whose certificate runs out: told before, and when it holds no more. What serves goes on serving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from shared import log
from shared.certificates.signing import SignatureRefused
from shared.certificates.statement import About, CertificateRefused, check_holds
from shared.errors import BatonError
from shared.state import Release

BEFORE = timedelta(days=14)
SHARE = 4
"""A certificate that holds for less than `SHARE` times `BEFORE` is told of in the last quarter of its time."""


class CertificateWatch:
    """Tells of each certificate twice at most in the life of a process: that it expires soon, and that it does not hold.

    `signed` reads what was signed of a release's certificate; that is asked once for each release, and again only where
    storage did not answer. It decides nothing: a certificate that holds no more stops the next deployment by itself.
    """

    def __init__(self, signed: Callable[[Release], About]) -> None:
        self._signed = signed
        self._about: dict[str, About] = {}
        self._told: set[tuple[str, str]] = set()

    def look(self, live: Iterable[Release], now: datetime) -> None:
        """Say of these versions what somebody must do. One that was certified before certificates were signed has no date."""
        for release in live:
            if release.signature and (release.id, "over") not in self._told:
                self._look_at(release, now)

    def _look_at(self, release: Release, now: datetime) -> None:
        try:
            about = self._about.get(release.id) or self._signed(release)
            self._about[release.id] = about
            check_holds(about, model=release.model, release=release.id, version=release.version, now=now)
        except (CertificateRefused, SignatureRefused) as error:
            self._tell_over(release, error.what)
        except BatonError as error:  # storage does not answer: the next look asks again
            log.warning("certificate not looked at", release=release.id, model=release.model, why=error.what)
        else:
            if now >= about.expires_at - warned_before(about):
                self._tell_soon(release, about, now)

    def _tell_soon(self, release: Release, about: About, now: datetime) -> None:
        if (release.id, "soon") in self._told:
            return
        self._told.add((release.id, "soon"))
        log.warning(
            "certificate about to expire",
            release=release.id,
            model=release.model,
            version=release.version,
            hours_left=round((about.expires_at - now).total_seconds() / 3600),
            next=_todo(release),
        )

    def _tell_over(self, release: Release, why: str) -> None:
        self._told.add((release.id, "over"))
        log.error(
            "certificate no longer holds",
            release=release.id,
            model=release.model,
            version=release.version,
            why=why,
            next=_todo(release),
        )


def warned_before(about: About) -> timedelta:
    """How long before its expiry a certificate is told of: two weeks, or a quarter of its time if that is less."""
    return min(BEFORE, (about.expires_at - about.issued_at) / SHARE)


def _todo(release: Release) -> str:
    return f"baton retrain {release.model} --why ...; docs/runbook.md#certificate-expires"
