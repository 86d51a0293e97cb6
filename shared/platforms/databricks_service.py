"""How the Databricks adapters reach a workspace: the SDK's client behind the door with a deadline.

databricks-sdk is imported at the first call and never before: it takes a second. Its retries are off, for the chain
tries again itself (they last up to 300 s, and as long as a throttled answer asks for). Every request has a time-out.
What SDK and service know as catalog, schema and volume is one setting here: all of Baton's lies in one schema.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from shared.errors import SettingsRefused
from shared.names import digest
from shared.platforms.azureml_service import CALL_SECONDS, Service, Tokens
from shared.platforms.databricks_errors import AnsweredByAnother, NotAgain, NotThere, named, status_of

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Found = TypeVar("Found")

AUDIENCE = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"  # Azure Databricks itself, in every tenant
REQUEST_SECONDS = 40
VOLUME = "baton"


class Workspace:
    """One schema of Unity Catalog in one workspace. Threads may share it. `schema` is `<catalog>.<schema>`.

    Without host and tokens it is the workspace of the run that this is, which the platform signs in itself.
    """

    def __init__(self, host: str, schema: str, tokens: Callable[[str], str] | None) -> None:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        if schema.count(".") != 1 or not all(schema.split(".")):
            raise SettingsRefused(
                f"BATON_DATABRICKS_SCHEMA is {schema!r}, must be <catalog>.<schema>.",
                next="take both names from the catalog explorer",
            )
        self.schema = schema
        config = Config(
            host=host or None,
            credentials_strategy=_signed_in(tokens) if tokens else None,
            http_timeout_seconds=REQUEST_SECONDS,
            clock=_once(),
            disable_experimental_files_api_client=True,  # the plain one: one request a file
            product="baton",
            product_version="1.0.0",
        )
        self.client: WorkspaceClient = WorkspaceClient(config=config)
        session = self.client.api_client._api_client._session  # the SDK tells no status: see `AnsweredByAnother`
        session.hooks["response"].append(_of_the_service)

    @property
    def volume(self) -> str:
        """Where runs and their source lie."""
        return f"/Volumes/{self.schema.replace('.', '/')}/{VOLUME}"

    @property
    def mark(self) -> str:
        """Six digits of the schema's hash, for names that are the whole workspace's."""
        return digest(self.schema.lower())[:6]

    def model(self, name: str) -> str:
        """A model's full name. Unity Catalog takes dashes in names."""
        return f"{self.schema}.{name}"

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None only if Databricks says that there is none."""

        def get() -> bytes:
            content = self.client.files.download(path).contents
            assert content  # the SDK gives it for every answer that is no error
            with content:
                return bytes(content.read())

        return found(get, f"read {path}")

    def read_document(self, path: str) -> dict[str, Any]:
        """A JSON document of ours; empty if there is none."""
        content = self.read(path)
        return dict(json.loads(content)) if content else {}

    def write(self, path: str, content: bytes) -> None:
        """Write a file, over the one that is there. Folders above it come to be by themselves."""
        self.client.files.upload(path, io.BytesIO(content), overwrite=True)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """A request of a route that the SDK has no call for."""
        return self.client.api_client.do(method, path, **more)


def found(get: Callable[[], Found], doing: str) -> Found | None:
    """What `get` answers; None only if Databricks says that there is no such thing in a schema that is there."""
    try:
        return get()
    except Exception as error:
        ours = named(error, doing)
        if isinstance(ours, NotThere):
            return None
        raise ours from error


def service_by_identity(host: str, schema: str, *, client_id: str = "") -> Service:
    """The workspace by the app's managed identity, or by who is signed in on a laptop. Nothing is asked yet."""
    return service_of(host, schema, Tokens(partial(_fetch, client_id)))


def service_of(host: str, schema: str, tokens: Tokens, *, seconds: float = CALL_SECONDS) -> Service:
    """The workspace at this address, opened at the first call."""
    return Service(
        lambda: Workspace(host, schema, tokens),
        seconds=seconds,
        forget_tokens=tokens.forget,
        who="Databricks",
        named=named,
        status_of=status_of,
    )


def _fetch(client_id: str, audience: str) -> tuple[str, float]:
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential(managed_identity_client_id=client_id or None)
    token = credential.get_token(f"{audience}/.default")
    return token.token, float(token.expires_on)


def _signed_in(tokens: Callable[[str], str]) -> Any:
    """The SDK's own way to a managed identity knows the machine's endpoint only, not the one that Functions offers."""
    from databricks.sdk.credentials_provider import CredentialsStrategy

    class ByToken(CredentialsStrategy):
        def auth_type(self) -> str:
            return "baton"

        def __call__(self, _config: Any) -> Callable[[], dict[str, str]]:
            return lambda: {"Authorization": f"Bearer {tokens(AUDIENCE)}"}

    return ByToken()


def _once() -> Any:
    from databricks.sdk.clock import Clock

    class Once(Clock):
        def time(self) -> float:
            return time.time()

        def sleep(self, seconds: float) -> None:
            raise NotAgain

    return Once()


def _of_the_service(response: Any, **_options: Any) -> None:
    """A 404 in anything but JSON is some gateway's, and says nothing about the thing that was asked for."""
    if response.status_code == 404 and "json" not in str(response.headers.get("Content-Type", "")).lower():
        raise AnsweredByAnother(f"404 in {response.headers.get('Content-Type', 'no form')}, not in JSON")
