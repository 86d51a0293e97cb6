"""A person's decision under a MAC: it enters through the web API only, and nobody else can write one.

The MAC binds person, role, answer, release, version, evidence, certificate, nonce and time (HMAC-SHA256 over
their length-prefixed text). The fold checks it before it decides.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

from shared.events import ApprovalGiven


def sign(event: ApprovalGiven, key: str) -> ApprovalGiven:
    """The same decision with its MAC."""
    return replace(event, mac=_mac(event, key))


def is_genuine(event: ApprovalGiven, key: str) -> bool:
    """Whether the MAC is ours and every bound field is as it was signed."""
    return hmac.compare_digest(event.mac, _mac(event, key))


def _mac(event: ApprovalGiven, key: str) -> str:
    bound = [
        event.by,
        event.why,
        "approve" if event.approve else "reject",
        event.release,
        event.version,
        event.evidence,
        event.certificate,
        event.nonce,
        event.at.isoformat(),
    ]
    if event.role not in ("", event.by):  # what was signed before there were roles stays genuine
        bound.append(event.role)
    text = "".join(f"{len(part)}:{part}" for part in bound)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
