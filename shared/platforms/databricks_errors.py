"""Errors of databricks-sdk by what the chain should do with them.

The SDK's exceptions carry no HTTP status; their class stands for it. Their root is an `OSError`. After a throttled
answer the SDK would sleep as long as the service asks for, and try again: the adapter's clock ends that, and the
error is then the one that it was handling (see `databricks_service`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.errors import BatonError, CapacityRefused, Permanent, PlatformBusy

SAID_AT_MOST = 500
ABOVE = ("CATALOG_DOES_NOT_EXIST", "SCHEMA_DOES_NOT_EXIST", "VOLUME_DOES_NOT_EXIST", "WORKSPACE_DOES_NOT_EXIST")
OLD_TOKEN = ("Invalid access token", "ExpiredJwtException")


class DatabricksRefused(Permanent):
    """Databricks refused what it was asked."""


class NotThere(DatabricksRefused):
    """Databricks says that there is no such thing."""


class PlaceMissing(DatabricksRefused):
    """Databricks says that the catalog, schema or volume that everything lies in is not there."""


class NameTaken(DatabricksRefused):
    """Databricks says that the name is in use already, or that another change goes on: go and look."""


class NotAgain(Exception):
    """Ends the SDK's own retries."""


class AnsweredByAnother(Exception):
    """A 404 that is not Databricks' own: some gateway stands before it."""


GRANTS = "give the app's identity its grants: docs/databricks.md#grants"
REASON = "read the reason; nothing was changed"
MEANINGS: Mapping[str, tuple[type[BatonError], str]] = {
    **dict.fromkeys(
        ("Unauthenticated", "PermissionDenied", "ClientAuthenticationError", "CredentialUnavailableError"),
        (DatabricksRefused, GRANTS),
    ),
    "NotFound": (NotThere, "look it up in the workspace"),
    "ResourceConflict": (NameTaken, REASON),
    **dict.fromkeys(("BadRequest", "NotImplemented"), (DatabricksRefused, REASON)),
    "AnsweredByAnother": (
        PlatformBusy,
        "see that the workspace's address is reached: the answer is not Databricks' own",
    ),
}  # by the name of a class, as the SDK is not imported here
ASKED_AGAIN = (PlatformBusy, "nothing: it is asked again; see the region's health if it lasts")


def named(error: BaseException, doing: str) -> BatonError:
    """The error of ours that this one of the SDK stands for."""
    root = cause(error)
    what = f"Databricks could not {doing}: {said_by(root)}"
    kinds = {kind.__name__ for kind in type(root).__mro__}
    if "TooManyRequests" in kinds:
        seconds = float(getattr(root, "retry_after_secs", None) or 0.0)
        return CapacityRefused(what, next="nothing: it is asked again later", after_seconds=seconds)
    kind, next = _kind(root, kinds)
    return kind(what, next=next)


def _kind(error: BaseException, kinds: set[str]) -> tuple[type[BatonError], str]:
    """Which error it is, and the next step."""
    if getattr(error, "error_code", None) in ABOVE:
        return PlaceMissing, "see BATON_DATABRICKS_SCHEMA, and make what is missing: docs/databricks.md"
    return next((meaning for kind, meaning in MEANINGS.items() if kind in kinds), ASKED_AGAIN)


def status_of(error: BaseException) -> int | None:
    """401 for a token that was refused, which a new one may mend; None for all else. The service says 403 for some."""
    root = cause(error)
    if type(root).__name__ == "Unauthenticated" or any(words in str(root) for words in OLD_TOKEN):
        return 401
    return None


def cause(error: BaseException) -> BaseException:
    """The answer's own error: the SDK raises a time-out from it, and the adapter's clock ends a retry of it."""
    chain = list(_behind(error))
    answered = [one for one in chain if any(kind.__name__ == "DatabricksError" for kind in type(one).__mro__)]
    others = [one for one in chain if not isinstance(one, NotAgain | TimeoutError)]
    return next(iter([*answered, *others]), error)


def said_by(error: BaseException) -> str:
    """The error's words, short and on one line."""
    code = getattr(error, "error_code", None)
    return " ".join(f"{code or type(error).__name__}: {error}".split())[:SAID_AT_MOST]


def _behind(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
