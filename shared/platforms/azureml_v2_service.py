"""How the adapters of Azure ML's SDK v2 reach a workspace: the SDK's client, and beside it plain requests.

azure-ai-ml is imported at the first call and never before: it takes 1.5 s. Its retries are off, for the chain tries
again itself; each request has a time-out, and each call the deadline of `Service`. What the SDK offers only behind
underscores (run details, metrics, the counts of Azure Monitor) is asked for with requests of azure-core.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.errors import SettingsRefused
from shared.platforms.azureml_errors import NotThere, named
from shared.platforms.azureml_service import CALL_SECONDS, TOKEN_MARGIN_SECONDS, Service

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import AccessToken
    from azure.core.rest import HttpResponse

ARM = "https://management.azure.com"
SCORING = "https://ml.azure.com"
CONNECT_SECONDS, READ_SECONDS = 10, 40
POLLED_SECONDS = 60.0  # longer than any call waits for a long operation; what comes after is asked for by `look`
POLLER = "LROPoller("  # how azure-core names the threads of its pollers (polling/_poller.py)
LIMITS: Mapping[str, Any] = {"retry_total": 0, "connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
RESOURCE_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/([^/]+)",
    re.IGNORECASE,
)
_ABOVE = ("SubscriptionNotFound", "InvalidSubscriptionId", "ResourceGroupNotFound", "WorkspaceNotFound")

Fetch = Callable[[str], tuple[str, float]]


class Identity:
    """The app's identity as azure-core wants it. A token is kept until shortly before it expires, or is forgotten.

    `fetch` gives a token for an audience and when it expires, in seconds since 1970.
    """

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        from azure.core.credentials import AccessToken

        token, expires = self._kept.get(scopes[0], ("", 0.0))
        if expires - self._clock() < TOKEN_MARGIN_SECONDS:
            token, expires = self._kept[scopes[0]] = self._fetch(scopes[0])
        return AccessToken(token, int(expires))

    def forget(self) -> None:
        """Fetch anew at the next request."""
        self._kept.clear()


class Workspace:
    """One workspace, opened without a request. Threads may share it.

    Each long operation that the SDK begins is followed by a thread of azure-core's, for `polled_seconds` and not for as long as
    it takes.
    """

    def __init__(self, resource_id: str, identity: Identity, *, polled_seconds: float = POLLED_SECONDS) -> None:
        from azure.ai.ml import MLClient
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import HeadersPolicy

        found = RESOURCE_ID.fullmatch(resource_id.rstrip("/"))
        if not found:
            raise SettingsRefused(
                f"{resource_id!r} is not the resource id of an Azure ML workspace.",
                next="take it from `az ml workspace show --resource-group GROUP --name WORKSPACE --query id`",
            )
        subscription, group, self.name = found.groups()
        self.resource_id = (
            f"/subscriptions/{subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )
        self.where = f"--resource-group {group} --workspace-name {self.name}"  # as `az ml` is told, in errors
        self.identity = identity
        signed_in = _policy(identity, f"{ARM}/.default", Polls(polled_seconds))
        options = {"authentication_policy": signed_in, "show_progress": False, "enable_telemetry": False, **LIMITS}
        self.client: MLClient = MLClient(identity, subscription, group, self.name, cloud="AzureCloud", **options)
        seconds: dict[str, Any] = {"connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        self._arm = PipelineClient(ARM, policies=[HeadersPolicy(), signed_in], **seconds)
        scoring = _policy(identity, f"{SCORING}/.default")
        self._scoring = PipelineClient(SCORING, policies=[HeadersPolicy(), scoring], **seconds)
        self._finding = threading.Lock()
        self._data_plane = ""

    def ask(self, url: str) -> Any:
        """The document that a GET is answered with; `url` below Azure Resource Manager, or whole."""
        from azure.core.rest import HttpRequest

        response = self._arm.send_request(HttpRequest("GET", url if "://" in url else f"{ARM}{url}"))
        response.raise_for_status()
        return response.json()

    def ask_data_plane(self, path: str) -> Any:
        """The document behind a path of the workspace's own region; `{workspace}` in it is the resource id."""
        return self.ask(f"{self._region()}{path.format(workspace=self.resource_id)}")

    def score(self, url: str, body: str, headers: Mapping[str, str]) -> HttpResponse:
        """The answer to a scoring request, whatever its status."""
        from azure.core.rest import HttpRequest

        wanted = {"Content-Type": "application/json", **headers}
        answer: HttpResponse = self._scoring.send_request(
            HttpRequest("POST", url, content=body.encode(), headers=wanted)
        )
        return answer

    def _region(self) -> str:
        """The address of the region's services, which the workspace says; asked for once."""
        with self._finding:
            if not self._data_plane:
                discovery = self.client.workspaces.get(self.name).discovery_url
                self._data_plane = str(self.ask(discovery)["api"]).rstrip("/")
            return self._data_plane


class Polls:
    """Ends the threads that follow long operations, at the next question after `seconds`: nobody waits for an answer then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._thread = threading.local()

    def check(self) -> None:
        """Raise in a poller's thread whose first question is too long ago."""
        from azure.core.exceptions import ServiceRequestError

        if not threading.current_thread().name.startswith(POLLER):
            return
        began = self._thread.__dict__.setdefault("began", time.monotonic())
        if time.monotonic() - began > self._seconds:
            raise ServiceRequestError(f"nobody waits for this operation after {self._seconds:g} s")


def _policy(identity: Identity, scope: str, polls: Polls | None = None) -> Any:
    """Signs each request in with the identity's token of now; the SDK's own policy would keep one that was refused."""
    from azure.core.exceptions import ServiceRequestError
    from azure.core.pipeline import PipelineRequest
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class SignedIn(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            request.context.options.pop("enforce_https", None)
            if polls:
                polls.check()
            if not request.http_request.url.startswith("https://"):
                raise ServiceRequestError("a token is sent over TLS only")
            request.http_request.headers["Authorization"] = f"Bearer {identity.get_token(scope).token}"

    return SignedIn()


def service_by_identity(resource_id: str, *, client_id: str = "", seconds: float = CALL_SECONDS) -> Service:
    """The workspace with this resource id by the app's managed identity, or by who is signed in on a laptop."""

    def fetch(scope: str) -> tuple[str, float]:
        from azure.identity import DefaultAzureCredential

        token = DefaultAzureCredential(managed_identity_client_id=client_id or None).get_token(scope)
        return token.token, float(token.expires_on)

    return service_of(resource_id, Identity(fetch), seconds=seconds)


def service_of(
    resource_id: str, identity: Identity, *, seconds: float = CALL_SECONDS, polled_seconds: float = POLLED_SECONDS
) -> Service:
    """The workspace with this resource id, opened at the first call."""
    connect = partial(Workspace, resource_id, identity, polled_seconds=polled_seconds)
    return Service(connect, seconds=seconds, forget_tokens=identity.forget)


def word(said: Any) -> str:
    """The service's word; the SDK makes a member of an enumeration of those that it knows."""
    return str(getattr(said, "value", said))


def found(workspace: Workspace, get: Callable[[], Any], doing: str) -> Any | None:
    """What `get` answers; None only if the service says that there is no such thing in the workspace.

    A 404 because the workspace itself, its group or its subscription is not there says nothing about the thing.
    """
    try:
        return get()
    except Exception as error:
        ours = named(error, doing)
        if not isinstance(ours, NotThere):
            raise ours from error
        if _is_about_the_workspace(error, workspace.name):
            shown = workspace.where.replace("--workspace-name", "--name")
            raise NotThere(
                f"Azure ML could not {doing}: the workspace {workspace.name} is not there.",
                next=f"see BATON_WORKSPACE_TOPIC, and `az ml workspace show {shown}`",
            ) from error
        return None


def _is_about_the_workspace(error: Exception, workspace: str) -> bool:
    body = getattr(getattr(error, "response", None), "text", None)
    try:
        told = json.loads(body() if callable(body) else "{}").get("error") or {}
    except (ValueError, AttributeError):
        return False
    code, message = str(told.get("code", "")), str(told.get("message", ""))
    return code in _ABOVE or (code == "ResourceNotFound" and f"workspaces/{workspace}'" in message)
