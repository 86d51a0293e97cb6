"""A certificate authority of the tests' own, so that a client that insists on TLS speaks to a local server as it is."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs a certificate for any host. `bundle` is the file that a client is told to trust, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.bundle = folder / "authority.pem"
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._signing = threading.Lock()
        uses = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        own = self._draft(self._name, self._key.public_key(), is_authority=True).add_extension(uses, critical=True)
        self.bundle.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """What a server for this host speaks TLS with; made once."""
        with self._signing:
            if host not in self._contexts:
                self._contexts[host] = self._make(host)
            return self._contexts[host]

    def environment(self, proxy: str) -> dict[str, str]:
        """Settings under which requests, and so every Azure SDK, reaches all hosts but this machine through `proxy`."""
        trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(self.bundle))
        here = "127.0.0.1,localhost"
        return {**trust, "HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": here, "no_proxy": here}

    def _make(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        draft = self._draft(name, key.public_key(), is_authority=False)
        named = draft.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        signed = named.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        plain = serialization.NoEncryption()
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        place = self._folder / f"{host}.pem"
        place.write_bytes(secret + signed)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place)
        return context

    def _draft(self, name: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, name, key, x509.random_serial_number(), now - DAY, now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
