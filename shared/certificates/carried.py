"""What goes along with a version that is carried to another installation: its certificate and signature, byte for byte. Pure.

It is one JSON document. Whoever carries it need not be trusted: the signature covers the certificate, which names the
version's files by their SHA-256.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from shared.certificates.signing import opened
from shared.certificates.statement import About, CertificateRefused, check_holds, read_statement

FORM = 1


@dataclass(frozen=True, slots=True)
class Carried:
    """`report` is the certificate's name in the installation that signed it; both contents are UTF-8 JSON, exactly as signed."""

    report: str
    certificate: bytes
    envelope: bytes

    def document(self) -> dict[str, object]:
        """For JSON."""
        texts = {"certificate": self.certificate.decode(), "envelope": self.envelope.decode()}
        return {"v": FORM, "report": self.report, **texts}


def read_carried(content: bytes) -> Carried:
    """The document that `Carried.document` made; `CertificateRefused` if it is another."""
    try:
        found = json.loads(content)
        if found["v"] != FORM:
            raise ValueError(f"its form is {found['v']}, known is {FORM}")
        texts = {name: found[name] for name in ("report", "certificate", "envelope")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise TypeError("report, certificate and envelope must be texts")
        return Carried(texts["report"], texts["certificate"].encode(), texts["envelope"].encode())
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CertificateRefused(
            f"this is no carried certificate: {type(error).__name__}: {error}",
            next="take the file that `baton carry out RELEASE --to REGISTRY` wrote",
        ) from error


def vouched(carried: Carried, *trusted: str, now: datetime) -> About:
    """What the owner of one of these public keys signed of the version, if it is about these bytes and has not expired.

    Raises `SignatureRefused` or `CertificateRefused`.
    """
    told = read_statement(opened(carried.envelope, *trusted), carried.report, carried.certificate)
    check_holds(told, model=told.model, release=told.release, version=told.version, now=now)
    return told
