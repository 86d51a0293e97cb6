"""The local server that speaks for a service: over TLS it is whatever host the client asks for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.wire.authority import Authority
from tests.wire.server import Answer, WireServer


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[WireServer]:
    wire = WireServer(Authority(tmp_path))
    wire.route("GET", "/who", lambda asked: Answer(document={"host": asked.host}))
    with wire.running():
        yield wire


def ask(wire: WireServer, host: str, *, trusts: bool = True) -> object:
    """One request through the server as a proxy, by a client that verifies what it is shown."""
    assert wire.authority
    verify = str(wire.authority.bundle) if trusts else True
    return requests.get(f"https://{host}/who", proxies={"https": wire.url}, verify=verify, timeout=10).json()


def test_a_client_that_verifies_reaches_the_server_under_every_host(wire: WireServer) -> None:
    hosts = ("account.blob.core.windows.net", "management.azure.com")
    assert [ask(wire, host) for host in hosts] == [{"host": host} for host in hosts]


def test_a_client_that_does_not_trust_the_authority_gets_nothing(wire: WireServer) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        ask(wire, "management.azure.com", trusts=False)
