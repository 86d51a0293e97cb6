"""Errors of azureml-core by what the chain should do with them.

The SDK's exceptions share no root, some carry the status in their text only, and the text of some cannot even be made
(`str()` of a `ServiceException` whose answer has no details raises `TypeError`), hence the care.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from shared.errors import BatonError, CapacityRefused, Permanent, PlatformBusy

BUSY = frozenset({408, 425, 500, 502, 503, 504, 530})
SAID_AT_MOST = 500
_STATUS_IN_TEXT = re.compile(r"(?:\"?status_code\"?: ?|Response Code: |StatusCode: |\"statusCode\": ?)(\d{3})")
_RETRY_AFTER = re.compile(r"['\"]Retry-After['\"]: ?['\"](\d+)['\"]", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NOT_THERE = ("ModelNotFound", "WebserviceNotFound", "ServiceNotFound", "ModelPathNotFound")
_TRANSPORT = ("ConnectionError", "Timeout", "ConnectTimeout", "ReadTimeout", "ChunkedEncodingError", "SSLError", "ClientRequestError",
              "ServiceRequestError", "ServiceResponseError", "MaxRetryError", "ProtocolError", "RetryError")  # fmt: skip
_SIGN_IN = ("AuthenticationException", "ClientAuthenticationError", "CredentialUnavailableError")


class AzureMLRefused(Permanent):
    """Azure ML refused what it was asked."""


class NotThere(AzureMLRefused):
    """Azure ML says that there is no such thing."""


class TagsMoved(AzureMLRefused):
    """Tags that were written do not show, because somebody else wrote at the same time: both write all of them."""


class NameTaken(AzureMLRefused):
    """Azure ML says that the name is in use already: go and look."""


def nothing_follows(model: str, asked: str) -> AzureMLRefused:
    """What is said where model.yaml asks for a monitor or a batch endpoint, and SDK v1 speaks to the workspace."""
    return AzureMLRefused(
        f"{model} asks for {asked}, and Baton makes no monitors and no batch endpoints through Azure ML's SDK v1.",
        next="take that out of model.yaml and publish, or move the model to BATON_PLATFORM=azureml_v2; then discard this",
    )


def named(error: Exception, doing: str) -> BatonError:
    """The error of ours that this one of the SDK stands for."""
    status, said = status_of(error), said_by(error)
    what = f"Azure ML could not {doing}: {f'{status}, ' if status else ''}{said}"
    if status == 429:
        return CapacityRefused(what, next="nothing: it is asked again later", after_seconds=_after_seconds(error))
    kind, next = _kind(error, status, said)
    return kind(what, next=next)


def _kind(error: Exception, status: int | None, said: str) -> tuple[type[BatonError], str]:
    """Which error it is, and the next step."""
    if status in BUSY or (status is None and _is_transport(error)):
        return PlatformBusy, "nothing: it is asked again; see the region's health if it lasts"
    if status == 404 and not _is_of_the_service(error):
        return PlatformBusy, "see that the workspace's address is reached: the answer is not Azure ML's own"
    if status == 404 or any(word in said for word in _NOT_THERE):
        return NotThere, "look it up in the studio of the workspace"
    if status in (401, 403) or type(error).__name__ in _SIGN_IN:
        return AzureMLRefused, "give the app's identity its role on the workspace: docs/azure.md#roles"
    if status is None and not _is_the_sdks_own(error):
        return PlatformBusy, "nothing: it is tried again a few times; read the reason if it lasts"
    return (NameTaken if status == 409 else AzureMLRefused), "read the reason; nothing was changed"


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error, wherever the SDK put it; None if there was no answer."""
    for one in _behind(error):
        for holder in (one, getattr(one, "response", None)):
            status = getattr(holder, "status_code", None)
            if isinstance(status, int):
                return status
    for one in _behind(error):
        if found := _STATUS_IN_TEXT.search(_text(one)):
            return int(found[1])
    return None


def url_of(error: BaseException) -> str:
    """The address whose answer the error is, "" if the SDK dropped it."""
    responses = [getattr(one, "response", None) for one in _behind(error)]
    return next((str(url) for found in responses if (url := getattr(found, "url", None))), "")


def said_by(error: BaseException) -> str:
    """The error's words, short, on one line and without a terminal's colours, whatever making them raises."""
    return " ".join(_COLOUR.sub("", _text(error)).split())[:SAID_AT_MOST]


def _text(error: BaseException) -> str:
    message = getattr(error, "message", None)
    if isinstance(message, str) and message:
        return f"{type(error).__name__}: {message}"
    with suppress(Exception):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made from."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        names = ["__cause__", "inner_exception", "_inner_exception"]
        if type(one).__name__ == "WebserviceException":
            names.append("__context__")  # made while the answer's own error was handled, without naming it
        inner = [getattr(one, name, None) for name in names]
        waiting.extend(error for error in inner if isinstance(error, BaseException))


def _is_transport(error: BaseException) -> bool:
    return any(kind.__name__ in _TRANSPORT for one in _behind(error) for kind in type(one).__mro__)


def _is_the_sdks_own(error: BaseException) -> bool:
    """Did SDK v2 refuse the request itself, before anything was sent?"""
    return any(kind.__name__ == "MlException" for kind in type(error).__mro__)


def _is_of_the_service(error: BaseException) -> bool:
    """Is the answer one of the service's own documents, and not one of some gateway before it?"""
    responses = [found for one in _behind(error) if (found := getattr(one, "response", None)) is not None]
    if not responses:
        return True  # the SDK read the answer and made a text of it
    kind = str(getattr(responses[0], "headers", {}).get("Content-Type", ""))
    return "json" in kind.lower()


def _after_seconds(error: BaseException) -> float:
    for one in _behind(error):
        headers = getattr(getattr(one, "response", None), "headers", {})
        if str(headers.get("Retry-After", "")).isdigit():
            return float(headers["Retry-After"])
        if found := _RETRY_AFTER.search(_text(one)):
            return float(found[1])
    return 0.0
