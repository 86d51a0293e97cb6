"""The ways in which a request is not done: each with its HTTP status, what happened, and what to do next."""

from __future__ import annotations

from typing import ClassVar

from shared.errors import BatonError, Permanent, Retryable


class NotDone(Permanent):
    """A request that is answered with a 4xx status."""

    status: ClassVar[int] = 400


class NotSignedIn(NotDone):
    """Only signed-in people may ask for this."""

    status = 401


class NotAllowed(NotDone):
    """This person, or this page, may not ask for it."""

    status = 403


class NotFound(NotDone):
    """There is no such model, release, report or page."""

    status = 404


class NotNow(NotDone):
    """What is asked for does not fit the state that things are in."""

    status = 409


class TooLarge(NotDone):
    """The request's body, or the document that it asks for, is larger than is served here."""

    status = 413


def status_of(error: BatonError) -> int:
    """The HTTP status for an error: what may succeed later is 503, what was asked wrongly is 4xx."""
    if isinstance(error, NotDone):
        return error.status
    return 503 if isinstance(error, Retryable) else 400
