"""What the page of a certificate shows: whether it still is what was signed, its facts, and what it answers of frameworks."""

from __future__ import annotations

from typing import Any

from shared import gates
from shared.certificates.certificate_story import annex_iv, nist, sections
from shared.certificates.check_story import importances
from shared.certificates.reproducing import reproductions, told
from shared.certificates.signing import SignatureRefused
from shared.certificates.statement import About, CertificateRefused, check_holds
from shared.effects.certificates import certificate_document, read_signed
from shared.errors import BatonError
from shared.state import Release
from shared.web.answers import NotFound
from shared.wiring import App


def certificate_view(app: App, release: Release) -> dict[str, Any]:
    """The values of `certificate.html`; `NotFound` where the release has no certificate, or its bytes are gone."""
    if not release.certificate:
        raise NotFound(f"{release.id} has no certificate.", next=f"it is {release.state}: /releases/{release.id}")
    try:
        document = certificate_document(app.blobs, release.certificate)
    except CertificateRefused as error:
        raise NotFound(error.what, next=error.next) from error
    about, holds = _signed(app, release)
    spec = app.parts.rules(release.model, release.folder)
    return {
        "release": release,
        "holds": holds,
        "gates": gates.certify(spec.gates.certificate, document).results,
        "sections": sections(document, about),
        "importances": importances(document),
        "again": [told(result) for result in reproductions(app.blobs, release)],
        "frameworks": (
            ("EU AI Act, Annex IV", annex_iv(document, about, spec)),
            ("NIST AI Risk Management Framework", nist(document, about, spec)),
        ),
    }


def _signed(app: App, release: Release) -> tuple[About | None, str]:
    """What the signed statement says if it is right, and a sentence on whether the certificate holds now."""
    if not release.signature:
        return None, "It was earned before certificates were signed, so nobody vouches for its bytes."
    try:
        about = read_signed(app.blobs, release.certificate, release.signature, *app.parts.signer.trusted)
    except (SignatureRefused, CertificateRefused) as error:
        return None, f"It does not hold: {error.what}. Nothing is deployed by it."
    try:
        check_holds(about, model=release.model, release=release.id, version=release.version, now=app.clock())
    except BatonError as error:
        return about, f"It does not hold any more: {error.what}. Nothing is deployed by it."
    return about, f"Its signature is right and it holds until {about.expires_at:%Y-%m-%d %H:%M} UTC."
