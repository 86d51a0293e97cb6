"""How the Azure ML adapters reach a workspace of SDK v1: one door with a deadline, behind which every error has a name.

azureml-core is imported at the first call and never before, because it takes half a second and 87 MB. Its retries are
switched off where they have a setting, for they take up to 224 s and the chain tries again itself; those of its
generated clients have none, and end at the deadline.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from shared.errors import BatonError, PlatformBusy
from shared.platforms.azureml_errors import named, status_of

if TYPE_CHECKING:
    from azureml.core import Workspace

Answer = TypeVar("Answer")

CALL_SECONDS = 50.0
HANGING_AT_MOST = 8
TOKEN_MARGIN_SECONDS = 300.0
LIMITS = {  # read by the SDK when it is imported
    "AZUREML_DEFAULT_RETRIES": "0",
    "AZUREML_DEFAULT_BACKOFF": "1",
    "AZUREML_DEFAULT_500_BACKOFF": "1",
    "AZUREML_DEFAULT_503_BACKOFF": "1",
    "AZUREML_LOG_DEPRECATION_WARNING_ENABLED": "False",
}


class DeadlinePassed(PlatformBusy):
    """A call got no answer in time. It may still take effect: what it makes is found under its name."""


class Service:
    """One workspace. `connect` opens it, at the first call and again until it succeeds.

    `ask` runs a call in a thread of its own, because several of the SDK's requests have no time-out: what does not
    answer within `seconds` is left to itself, and while `HANGING_AT_MOST` such calls hang, no further one begins.
    A call that is answered 401 is made once more after `forget_tokens`, so it must be safe to repeat. `who` is the
    service's name for people; `named` and `status_of` read its SDK's errors.
    """

    def __init__(
        self,
        connect: Callable[[], Workspace],
        *,
        seconds: float = CALL_SECONDS,
        forget_tokens: Callable[[], None] = lambda: None,
        who: str = "Azure ML",
        named: Callable[[Exception, str], BatonError] = named,
        status_of: Callable[[BaseException], int | None] = status_of,
    ) -> None:
        self._connect = connect
        self._forget_tokens = forget_tokens
        self._who = who
        self._named = named
        self._status_of = status_of
        self._seconds = seconds
        self._workspace: Workspace | None = None
        self._opening = threading.Lock()
        self._hanging = threading.Semaphore(HANGING_AT_MOST)

    def ask(self, doing: str, call: Callable[[Workspace], Answer]) -> Answer:
        """The answer of `call`. Raises `DeadlinePassed`, or the error of ours that the SDK's stands for."""
        if not self._hanging.acquire(blocking=False):
            raise PlatformBusy(
                f"{self._who} has not answered {HANGING_AT_MOST} earlier calls, so nothing more is asked now.",
                next="see the region's health; the next try asks again",
            )
        answers: list[Answer] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                answers.append(self._signed_in(call))
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                errors.append(error)
            finally:
                self._hanging.release()

        thread = threading.Thread(target=work, name=f"azureml {doing}", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if errors:
            raise self._ours(errors[0], doing) from errors[0]
        if not answers:
            raise DeadlinePassed(
                f"{self._who} did not answer within {self._seconds:g} s when asked to {doing}.",
                next="nothing: it is asked again, and what the lost call made is found under its name",
            )
        return answers[0]

    def _signed_in(self, call: Callable[[Workspace], Answer]) -> Answer:
        try:
            return call(self._open())
        except Exception as error:
            if self._status_of(error) != 401:
                raise
            self._forget_tokens()
            return call(self._open())

    def _open(self) -> Workspace:
        with self._opening:
            if self._workspace is None:
                for name, value in LIMITS.items():
                    os.environ.setdefault(name, value)
                self._workspace = self._connect()
            return self._workspace

    def _ours(self, error: BaseException, doing: str) -> BaseException:
        return (
            self._named(error, doing) if isinstance(error, Exception) and not isinstance(error, BatonError) else error
        )


def service_by_identity(resource_id: str, *, client_id: str = "") -> Service:
    """The workspace with this resource id by the app's managed identity, or by who is signed in on a laptop. Nothing is asked yet.

    The SDK's own `MsiAuthentication` knows neither the endpoint that Functions offers nor a cache, so azure-identity
    gives the tokens.
    """
    tokens = Tokens(functools.partial(token_by_identity, client_id))
    parts = dict(zip(resource_id.strip("/").split("/")[::2], resource_id.strip("/").split("/")[1::2], strict=False))

    def connect() -> Workspace:
        from azureml.core import Workspace
        from azureml.core.authentication import TokenAuthentication

        auth = TokenAuthentication(tokens, cloud="AzureCloud")
        return Workspace(parts["subscriptions"], parts["resourceGroups"], parts["workspaces"], auth=auth)

    return Service(connect, forget_tokens=tokens.forget)


def token_by_identity(client_id: str, audience: str) -> tuple[str, float]:
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential(managed_identity_client_id=client_id or None)
    token = credential.get_token(f"{audience.rstrip('/')}/.default")
    return token.token, float(token.expires_on)


class Tokens:
    """Tokens by audience, each kept until shortly before it expires: the SDK asks for one at every request.

    `fetch` gives a token and when it expires, in seconds since 1970.
    """

    def __init__(self, fetch: Callable[[str], tuple[str, float]], *, clock: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}

    def __call__(self, audience: str) -> str:
        token, expires = self._kept.get(audience, ("", 0.0))
        if expires - self._clock() < TOKEN_MARGIN_SECONDS:
            token, expires = self._kept[audience] = self._fetch(audience)
        return token

    def forget(self) -> None:
        """Fetch anew at the next request."""
        self._kept.clear()


def merged(now: Mapping[str, str] | None, wanted: Mapping[str, str]) -> dict[str, str]:
    """Tags with the wanted ones added; what is there keeps its place."""
    return {**(now or {}), **wanted}
