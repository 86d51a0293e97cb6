"""What the page of a certificate shows: whether it still is what was signed, its facts, and what it answers of frameworks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.certificates.certificate_rows import verdict_rows
from shared.certificates.certificate_story import ANSWERS, CHECKS, Item, annex_iv, nist, sections
from shared.certificates.check_story import importances, measures_of, words_of
from shared.certificates.reproducing import reproductions, told
from shared.certificates.statement import CertificateRefused
from shared.effects.certificates import attached, certificate_document, standing
from shared.state import Release
from shared.web.answers import NotFound
from shared.web.importance_chart import importance_lines
from shared.wiring import App

BY_ROWS = (CHECKS, ANSWERS)
IMPORTANCES = "importance-importances"


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework's items, and how many of them Baton answers."""

    id: str
    title: str
    source: str
    items: tuple[Item, ...]

    @property
    def answered(self) -> int:
        """Items with an answer."""
        return sum(bool(item.answer) for item in self.items)


def certificate_view(app: App, release: Release) -> dict[str, Any]:
    """The values of `certificate.html`; `NotFound` where the release has no certificate, or its bytes are gone."""
    if not release.certificate:
        raise NotFound(f"{release.id} has no certificate.", next=f"it is {release.state}: /releases/{release.id}")
    try:
        document = certificate_document(app.blobs, release.certificate)
    except CertificateRefused as error:
        raise NotFound(error.what, next=error.next) from error
    held = standing(app.blobs, release, *app.parts.signer.trusted, now=app.clock())
    spec = app.parts.rules(release.model, release.folder)
    rows = verdict_rows(spec.gates.certificate, document)
    return {
        "release": release,
        "spec": spec,
        "standing": held,
        "rows": rows,
        "kept": sum(row.passed for row in rows),
        "sections": [part for part in sections(document, held.about) if part.title not in BY_ROWS],
        "measures": tuple(measures_of(document)),
        "words": tuple(words_of(document)),
        "importances": importance_lines(importances(document, attached(app.blobs, document, IMPORTANCES))),
        "again": [told(result) for result in reproductions(app.blobs, release)],
        "frameworks": (
            Framework(
                "annex", "EU AI Act, Annex IV", "Regulation (EU) 2024/1689", annex_iv(document, held.about, spec)
            ),
            Framework("nist", "NIST AI Risk Management Framework", "NIST AI 100-1", nist(document, held.about, spec)),
        ),
    }
