"""Signed documents: DSSE envelopes with Ed25519, made and checked offline.

An envelope (github.com/secure-systems-lab/dsse, version 1) carries the exact bytes that were signed, so whoever checks
it never writes JSON again. Its payload here is an in-toto statement (in-toto.io/Statement/v1).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import Permanent, SettingsRefused
from shared.names import digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD = "application/vnd.in-toto+json"


class SignatureRefused(Permanent):
    """An envelope cannot be read, or nobody whose key is known signed these bytes."""


def pae(kind: str, body: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of a payload and its type; lengths are of bytes.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one key, whose seed is 32 bytes in hex; checks with it and with the `retired` public keys, which signed before it.
    The seed is not shown when the value is printed.

    >>> Signer("00" * 32)
    Signer(public=3b6a27bcceb6...)
    """

    seed: str
    retired: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_key(self.seed):
            raise SettingsRefused("the signing key is not 32 bytes in hex", next="make one: openssl rand -hex 32")

    def __repr__(self) -> str:
        return f"Signer(public={self.public[:12]}...)"

    @property
    def public(self) -> str:
        """The public key, 32 bytes in hex: all that is needed to check."""
        return self._key().public_key().public_bytes_raw().hex()

    @property
    def trusted(self) -> tuple[str, ...]:
        """The public keys by whose signatures a certificate holds: its own first."""
        return (self.public, *self.retired)

    def sign(self, body: bytes, *, kind: str = PAYLOAD) -> bytes:
        """An envelope around these bytes. The same bytes give the same envelope: Ed25519 draws no chance (RFC 8032)."""
        signature = base64.b64encode(self._key().sign(pae(kind, body))).decode()
        envelope = {
            "payload": base64.b64encode(body).decode(),
            "payloadType": kind,
            "signatures": [{"keyid": key_id(self.public), "sig": signature}],
        }
        return json.dumps(envelope, indent=1).encode()

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.seed))


def is_key(text: str) -> bool:
    """Whether a text is 32 bytes in hex, as a seed and a public key both are."""
    try:
        return len(bytes.fromhex(text)) == 32
    except ValueError:
        return False


def key_id(public: str) -> str:
    """By which a public key in hex is named in envelopes: the SHA-256 of its bytes."""
    return digest(bytes.fromhex(public))


def opened(envelope: bytes, *trusted: str) -> bytes:
    """The exact bytes that the owner of one of these public keys signed as an in-toto statement; `SignatureRefused` otherwise."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if strange := [public for public in trusted if not is_key(public)]:
        raise SettingsRefused(
            f"{strange[0][:80]!r} is no public key: 32 bytes in hex", next="`baton certificate key` tells the signer's"
        )
    body, signatures = _parts(envelope)
    known = {key_id(public): public for public in trusted}
    mine = [(known[key], sig) for key, sig in signatures if key in known]
    if not mine:
        by = ", ".join(key[:12] for key, _ in signatures) or "nobody"
        raise SignatureRefused(
            f"it is signed by {by}, not by the key {' or '.join(key[:12] for key in known)}",
            next="if BATON_SIGNING_KEY was replaced, name the public key before it in BATON_VERIFYING_KEYS; or certify again: "
            "`baton retry RELEASE --why ...`",
        )
    public, signature = mine[0]
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, pae(PAYLOAD, body))
    except InvalidSignature as error:
        raise SignatureRefused(
            "the signature does not belong to what it stands beside: one of both was changed",
            next="find out who can write to container reports; then certify again: `baton retry RELEASE --why ...`",
        ) from error
    return body


def _parts(envelope: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    try:
        found: Mapping[str, object] = json.loads(envelope)
        if found["payloadType"] != PAYLOAD:
            raise ValueError(f"payloadType is {found['payloadType']!r}, must be {PAYLOAD}")
        listed = found["signatures"]
        if not isinstance(listed, list):
            raise TypeError("signatures is no list")
        signatures = [(str(one["keyid"]), _bytes(one["sig"])) for one in listed]
        return _bytes(found["payload"]), signatures
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
        raise SignatureRefused(
            f"the envelope cannot be read: {type(error).__name__}: {error}",
            next="restore the blob from its versions, or certify again: `baton retry RELEASE --why ...`",
        ) from error


def _bytes(text: object) -> bytes:
    """What a base64 text stands for; its one text only, so that a bit which decoding drops is a change as well."""
    found = base64.b64decode(str(text), validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError(f"base64 has another last character than {str(text)[-4:]!r}")
    return found
