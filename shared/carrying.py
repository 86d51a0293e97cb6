"""Carrying a certified version from one installation to another: out to a registry that both reach, and in from there.

Never trained again on the way: what arrives has the files that the certificate names, or nothing arrives. It is a
version that somebody registered, like any other: the installation that it comes to judges it on its own data, certifies it again
and asks its own approvers.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from shared.certificates.statement import About, check_files
from shared.errors import CapacityRefused, Permanent, Retryable
from shared.names import carried_label
from shared.platforms.port import Carrier, Registry
from shared.runs.model_files import model_files

Answer = TypeVar("Answer")

APPROVED = ("rolling out", "live")
TRIES = 40
AGAIN_SECONDS = 15.0
FROM_TAG = "baton.carried_from"


class NotApproved(Permanent):
    """A version may not be carried on: no person approved its release, or the release is over."""


def check_approved(release: Mapping[str, Any]) -> None:
    """Raise `NotApproved` unless a person approved this release, as the API gives it, and it went on from there."""
    name, state = release["id"], release["state"]
    if state not in APPROVED:
        todo = f"baton approve {name} --why ..." if state == "awaiting approval" else f"baton explain {name}"
        raise NotApproved(f"{name} is {state}, must be {' or '.join(APPROVED)} to be carried on.", next=todo)
    if not release.get("approved_by"):
        raise NotApproved(f"{name} is {state} and nobody approved it.", next=f"baton explain {name}")


def carry_out(carrier: Carrier, told: About) -> str:
    """Share the version that a certificate is about; returns its label. Safe to repeat.

    What the shared registry then holds is fetched and compared: `CertificateRefused` if it is not what was certified.
    """
    label = carried_label(told.release, told.model_sha256)
    carrier.share(told.model, told.version, label)
    with tempfile.TemporaryDirectory(prefix="baton-carry-") as place:
        _fetched(carrier, told, Path(place))
    return label


def carry_in(carrier: Carrier, registry: Registry, told: About, certificate: str) -> str:
    """Register what is shared of the version that a certificate is about; returns the version it is here. Safe to repeat.

    The files are compared before they are registered, and once more as the registry has them: `CertificateRefused` if they are
    not what was certified. `certificate` is the SHA-256 of the certificate, which the version is tagged with.
    """
    tags = {FROM_TAG: told.release, "baton.certificate": certificate, "baton.author": told.author[:200]}
    with tempfile.TemporaryDirectory(prefix="baton-carry-") as place:
        files = _fetched(carrier, told, Path(place))
        carried = f"{told.release}:{told.model_sha256[:16]}"
        version = carrier.receive(told.model, files, carried=carried, tags=tags)
        registered = Path(place) / "registered"
        registry.fetch(told.model, version, registered)
        check_files(told, model_files(registered).sha256)
    return version


def _fetched(carrier: Carrier, told: About, place: Path) -> Path:
    files = place / "model"
    carrier.fetch(told.model, carried_label(told.release, told.model_sha256), files)
    check_files(told, model_files(files).sha256)
    return files


def patiently(call: Callable[[], Answer], *, pause: Callable[[float], None] = time.sleep, tries: int = TRIES) -> Answer:
    """The answer of a call that is safe to repeat, tried again while the platform asks to wait: as long as it asks for, else 15 s."""
    for left in range(tries - 1, -1, -1):
        try:
            return call()
        except Retryable as error:
            if not left:
                raise
            asked = error.after_seconds if isinstance(error, CapacityRefused) else 0.0
            pause(asked or AGAIN_SECONDS)
    raise AssertionError("unreachable")
