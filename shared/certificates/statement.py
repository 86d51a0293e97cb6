"""What is signed of a certificate: an in-toto statement over the certificate's bytes and the model's files. Pure.

It says which bytes (subjects with SHA-256), of which version, release and folder, until when. Whoever holds the public key
can check it without Baton: the payload of a DSSE envelope, read as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.certificates.signing import STATEMENT, SignatureRefused
from shared.errors import Permanent
from shared.gating.verdict import Document, at
from shared.names import digest

PREDICATE = "urn:baton:certificate:v1"
AGAIN = "`baton retry {release} --why ...` certifies again"


class CertificateRefused(Permanent):
    """A version may not be deployed by its certificate: changed, expired, or about something else."""


@dataclass(frozen=True, slots=True)
class About:
    """What a certificate is about, and how long it holds: `run` measured it, `train_run` made the model from the dataset
    version `manifest`, `author` published the folder, which came from `commit`. Texts are "" where that is not known.
    """

    model: str
    version: str
    release: str
    folder: str
    run: str
    model_sha256: str
    issued_at: datetime
    expires_at: datetime
    train_run: str = ""
    manifest: str = ""
    author: str = ""
    commit: str = ""


def statement(told: About, report: str, content: bytes, certificate: Document) -> bytes:
    """The statement's bytes: subjects are the certificate, whose bytes are `content`, and each file that it lists."""
    listed = at(certificate, "provenance", "files")
    files = {str(name): str(sha256) for name, sha256 in listed.items()} if isinstance(listed, Mapping) else {}
    subjects = {report: digest(content), **{f"model/{name}": sha256 for name, sha256 in sorted(files.items())}}
    document = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects.items()],
        "predicateType": PREDICATE,
        "predicate": {
            **asdict(told),
            "issued_at": told.issued_at.isoformat(),
            "expires_at": told.expires_at.isoformat(),
        },
    }
    return json.dumps(document, indent=1).encode()


def read_statement(body: bytes, report: str, content: bytes) -> About:
    """What signed bytes say, if they are about the certificate with this name and these bytes; else `CertificateRefused`."""
    try:
        document = json.loads(body)
        if document["_type"] != STATEMENT or document["predicateType"] != PREDICATE:
            raise ValueError(f"it is a {document['predicateType']}, not a {PREDICATE}")
        subjects = {one["name"]: one["digest"]["sha256"] for one in document["subject"]}
        predicate = dict(document["predicate"])
        moments: dict[str, Any] = {
            name: datetime.fromisoformat(predicate.pop(name)) for name in ("issued_at", "expires_at")
        }
        texts: dict[str, Any] = {name: str(value) for name, value in predicate.items()}
        told = About(**texts, **moments)
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureRefused(f"the statement cannot be read: {error}", next="certify again") from error
    if subjects.get(report) != digest(content):
        signed = str(subjects.get(report, "none"))[:16]
        raise CertificateRefused(
            f"the certificate was changed: its SHA-256 is {digest(content)[:16]}, signed was {signed}",
            next=f"find out who can write to container reports; {AGAIN.format(release=told.release)}",
        )
    return told


def check_holds(told: About, *, model: str, release: str, version: str, now: datetime) -> None:
    """Raise `CertificateRefused` unless it is this version's certificate, earned by this release, and has not expired."""
    again = AGAIN.format(release=release)
    if (told.model, told.release, told.version) != (model, release, version):
        what = f"the certificate is about version {told.version} of {told.model} in {told.release}"
        raise CertificateRefused(f"{what}, not version {version} in {release}", next=again)
    if now >= told.expires_at:
        raise CertificateRefused(f"the certificate expired at {told.expires_at:%Y-%m-%d %H:%M} UTC", next=again)


def check_files(told: About, found_sha256: str) -> None:
    """Raise `CertificateRefused` unless the registered files are those that were measured."""
    if found_sha256 != told.model_sha256:
        raise CertificateRefused(
            f"the files of version {told.version} were changed: their SHA-256 is {found_sha256[:16]}, "
            f"certified was {told.model_sha256[:16]}",
            next=f"find out who changed the registered model; {AGAIN.format(release=told.release)}",
        )
