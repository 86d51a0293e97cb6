"""The HTTP connections of the storage clients: one pool for all, as wide as the functions that use it at once.

The SDK's own pool keeps 10 connections; with more threads the others are opened anew for each call and thrown away.
"""

from __future__ import annotations

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

CONNECTIONS = 40


class PooledTransport(RequestsTransport):  # type: ignore[misc]  # azure-core types it as Any
    """A transport that keeps up to 40 connections to each host. Safe to share between clients and threads.

    `timeouts` are `connection_timeout` and `read_timeout` in seconds: a client that is given a transport does not set them.
    """

    def __init__(self, **timeouts: float) -> None:
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        super().__init__(session=session, session_owner=False, **timeouts)
