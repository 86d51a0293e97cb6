"""The SDK clients that the adapters use, each with time-outs and few tries.

An intake function asks table, table and queue in a row and must answer within Event Grid's 30 s, also
when each answers at the last moment of its last try; `intake_seconds` is that sum, and a test holds it.
What fails after these tries is tried again from outside: by Event Grid, by the queue, by the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError
from requests import RequestException

from shared.errors import SettingsRefused

if TYPE_CHECKING:
    from azure.data.tables import TableClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueClient

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 3.0
PAGE_SECONDS = 10.0  # a range of rows, which intake never reads
BLOB_ANSWER_SECONDS = 20.0
TRIES = 2
LONGEST_PAUSE_SECONDS = 1.0
BLOB_TRIES = 3
_HALF: Any = 0.5  # declared as whole seconds, and taken as any; with the jitter a pause of 0 to 1 s
SECRETS = ("AccountKey=", "SharedAccessSignature=", "UseDevelopmentStorage=")
UNANSWERED = (AzureError, RequestException)
"""What a client raises without an answer: an answer that ends in the middle is an error of azure-core's HTTP library."""


def table_client(connection: str, table: str, **pipeline: Any) -> TableClient:
    """The client of a table. It never tries again by itself: `AzureTable` does, as it knows what a conflict then means."""
    from azure.data.tables import TableServiceClient

    settings: dict[str, Any] = {"connection_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS, "retry_total": 0}
    service: TableServiceClient = _opened(TableServiceClient, connection, "TableEndpoint", settings | pipeline)
    return service.get_table_client(table)


def queue_clients(connection: str, names: Sequence[str], **pipeline: Any) -> Mapping[str, QueueClient]:
    """A client for each queue, all encoding as the Functions host wants it."""
    from azure.storage.queue import LinearRetry, QueueServiceClient, TextBase64EncodePolicy

    settings: dict[str, Any] = {
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "retry_policy": LinearRetry(backoff=_HALF, retry_total=TRIES - 1, random_jitter_range=_HALF),
    }
    service: QueueServiceClient = _opened(QueueServiceClient, connection, "QueueEndpoint", settings | pipeline)
    return {name: service.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy()) for name in names}


def blob_service(connection: str, **pipeline: Any) -> BlobServiceClient:
    """The client of the account's blobs."""
    from azure.storage.blob import BlobServiceClient, LinearRetry

    settings: dict[str, Any] = {
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": BLOB_ANSWER_SECONDS,
        "retry_policy": LinearRetry(backoff=_HALF, retry_total=BLOB_TRIES - 1, random_jitter_range=_HALF),
    }
    service: BlobServiceClient = _opened(BlobServiceClient, connection, "BlobEndpoint", settings | pipeline)
    return service


def _opened(service: Any, connection: str, endpoint: str, settings: dict[str, Any]) -> Any:
    """A service's client. A connection string with a secret in it is the SDK's affair; one without names the endpoints,
    and the app's identity signs in (`ClientId=` names a user-assigned one), or the `credential` among the settings."""
    if any(word in connection for word in SECRETS):
        return service.from_connection_string(connection, **_pooled(settings))
    from azure.identity import DefaultAzureCredential

    parts = dict(part.partition("=")[::2] for part in connection.split(";") if part)
    if endpoint not in parts:
        raise SettingsRefused(
            f"the data account's setting has neither a key nor a {endpoint}.",
            next="set BATON_DATA, or BATON_DATA__blobServiceUri, __queueServiceUri and __tableServiceUri",
        )
    own = settings.pop("credential", None)
    credential = own or DefaultAzureCredential(managed_identity_client_id=parts.get("ClientId") or None)
    return service(parts[endpoint], credential=credential, **_pooled(settings))


def _pooled(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with a transport of as many connections as there are threads, unless they have one."""
    from shared.storage.transport import PooledTransport

    timeouts = {name: settings[name] for name in ("connection_timeout", "read_timeout")}
    return {"transport": PooledTransport(**timeouts)} | settings


def intake_seconds() -> float:
    """The longest that intake's three calls can take, all of them answered at the last moment of the last try."""
    one = TRIES * (CONNECT_SECONDS + ANSWER_SECONDS) + (TRIES - 1) * LONGEST_PAUSE_SECONDS
    return 3 * one


def said(error: Exception) -> str:
    """The words of such an error, short."""
    words = error.message if isinstance(error, AzureError) else f"{type(error).__name__}: {error}"
    return words[:300]
