"""Certificates in storage: signed when they are earned, and verified again before each step of a deployment."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from shared.certificates.carried import Carried
from shared.certificates.signing import SignatureRefused, opened
from shared.certificates.statement import About, CertificateRefused, check_files, check_holds, read_statement, statement
from shared.effects.files import JSON, REPORTS
from shared.effects.parts import Parts
from shared.files.published import MODELS, source_blob
from shared.gating.verdict import Document, at
from shared.names import digest
from shared.runs.model_files import model_files
from shared.state import Command, Release
from shared.storage.port import BlobMissing, Blobs

ENVELOPE = ".dsse.json"


def sign_certificate(parts: Parts, model: str, command: Command, run: str, report: str, result: Document) -> str:
    """Sign what was just kept as `report`, beside it; returns where. A repeat leaves the first envelope as it is."""
    release = parts.book.release(model, command.release)
    container, _, name = report.partition("/")
    if release is None or not name:
        return ""
    if result.get("version", release.version) != release.version:
        what = f"the certificate is about version {result['version']}, {release.id} has version {release.version}"
        raise CertificateRefused(what, next=f"`baton retry {release.id} --why ...` certifies again")
    now = parts.clock()
    told = About(
        model=model,
        version=release.version,
        release=release.id,
        folder=release.folder,
        run=run,
        model_sha256=str(result.get("model_sha256", "")),
        issued_at=now,
        expires_at=now + timedelta(days=parts.rules(model, release.folder).gates.certificate.valid_days),
        train_run=release.train_run,
        manifest=release.manifest,
        author=release.author,
        commit=_commit(parts.blobs, model, release.folder),
    )
    content = parts.blobs.read(container, name)
    envelope = parts.signer.sign(statement(told, report, content, result))
    parts.blobs.put(REPORTS, f"{name}{ENVELOPE}", envelope, content_type=JSON)
    return f"{report}{ENVELOPE}"


def _commit(blobs: Blobs, model: str, folder: str) -> str:
    """The commit that the folder was published from, as `baton publish` noted it; "" if it did not."""
    try:
        return str(json.loads(blobs.read(MODELS, source_blob(model, folder))).get("commit", ""))
    except (BlobMissing, ValueError, AttributeError):
        return ""


def verify_for_deployment(parts: Parts, model: str, release: Release) -> None:
    """Raise `CertificateRefused` or `SignatureRefused` unless certificate, signature and registered files are as they were.

    A release that was certified before certificates were signed has no signature in its row and is let through: only a
    decision of the fold writes that row, so nobody can take a signature away by removing a blob.
    """
    if not release.signature:
        return
    told = read_signed(parts.blobs, release.certificate, release.signature, *parts.signer.trusted)
    check_holds(told, model=model, release=release.id, version=release.version, now=parts.clock())
    with tempfile.TemporaryDirectory(prefix="baton-verify-") as place:
        files = Path(place) / "model"
        parts.registry.fetch(model, release.version, files)
        check_files(told, model_files(files).sha256)


def read_signed(blobs: Blobs, report: str, signature: str, *trusted: str) -> About:
    """What the statement that one of these public keys signed says of the certificate as it lies in storage now."""
    body = opened(_read(blobs, signature), *trusted)
    return read_statement(body, report, _read(blobs, report))


def carried_certificate(blobs: Blobs, release: Release) -> Carried:
    """Certificate and signature of a release as they lie in storage; `CertificateRefused` if it has none."""
    if not release.signature:
        raise CertificateRefused(f"{release.id} has no signed certificate", next=f"baton explain {release.id}")
    return Carried(release.certificate, _read(blobs, release.certificate), _read(blobs, release.signature))


def signed_about(blobs: Blobs, trusted: Sequence[str], release: Release) -> About:
    """What was signed of a release's certificate; raises as `read_signed` does."""
    return read_signed(blobs, release.certificate, release.signature, *trusted)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a certificate holds now, in a sentence; `about` is what was signed, None where no signature is right."""

    holds: bool
    says: str
    about: About | None = None


def standing(blobs: Blobs, release: Release, *trusted: str, now: datetime) -> Standing:
    """What signature, bytes and expiry say of a release's certificate. What serves already is not taken away by any of them."""
    if not release.signature:
        return Standing(False, "It was earned before certificates were signed, so nobody vouches for its bytes.")
    try:
        about = read_signed(blobs, release.certificate, release.signature, *trusted)
    except (SignatureRefused, CertificateRefused) as error:
        return Standing(False, f"It does not hold: {error.what}. Nothing is deployed by it.")
    try:
        check_holds(about, model=release.model, release=release.id, version=release.version, now=now)
    except CertificateRefused as error:
        return Standing(False, f"It does not hold any more: {error.what}. Nothing is deployed by it.", about)
    return Standing(True, f"Its signature is right and it holds until {about.expires_at:%Y-%m-%d %H:%M} UTC.", about)


def attached(blobs: Blobs, certificate: Document, name: str) -> Document | None:
    """A document that is kept beside a certificate; None unless it is there with the bytes that the certificate names."""
    container, _, blob = str(at(certificate, "attachments", name, "blob")).partition("/")
    try:
        content = blobs.read(container, blob) if blob else b""
        found = json.loads(content) if digest(content) == at(certificate, "attachments", name, "sha256") else None
    except (BlobMissing, ValueError):
        return None
    return found if isinstance(found, dict) else None


def certificate_document(blobs: Blobs, report: str) -> Document:
    """The certificate's document; `CertificateRefused` if it is no JSON object."""
    try:
        found = json.loads(_read(blobs, report))
    except ValueError as error:
        raise CertificateRefused(f"{report} is no JSON: {error}", next="restore the blob from its versions") from error
    if not isinstance(found, dict):
        raise CertificateRefused(f"{report} holds no certificate", next="restore the blob from its versions")
    return found


def _read(blobs: Blobs, where: str) -> bytes:
    container, _, name = where.partition("/")
    try:
        return blobs.read(container, name)
    except BlobMissing as error:
        raise CertificateRefused(f"{where} is gone", next="restore the blob from its versions, then retry") from error
