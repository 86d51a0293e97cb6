"""Changes that azure-ai-ml (SDK v2) begins and the service ends later: each is waited for a little, and then looked at again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.errors import BatonError, CapacityRefused
from shared.platforms.azureml_errors import AzureMLRefused, NameTaken, NotThere, named

AGAIN_SECONDS = 15.0
GOING_ON, FAILED = ("Creating", "Updating", "Scaling", "Deleting"), ("Failed", "Canceled")


def settled(begin: Callable[[], Any], doing: str, wait_seconds: float) -> Any:
    """What a change came to; `CapacityRefused` if it takes longer, or another change goes on. `NotThere` only from its beginning."""
    begun = False
    try:
        poller = begin()
        begun = True
        poller.wait(wait_seconds)
        if poller.done():
            return poller.result()
    except Exception as error:
        ours = or_wait(named(error, doing))
        if begun and isinstance(ours, NotThere):  # it was written, and does not show yet; or it is deleted
            ours = again(ours.what)
        raise ours from error
    raise again(f"Azure ML takes its time to {doing}.")


def until_ready(what: str, state: str, *, next: str) -> None:
    """Nothing for what is ready; `CapacityRefused` while it is made or changed, `AzureMLRefused` with `next` if that failed."""
    if state in GOING_ON:
        raise again(f"{what} is {state}.")
    if state != "Succeeded":
        raise AzureMLRefused(f"{what} is {state}.", next=next)


def or_wait(error: BatonError) -> BatonError:
    """A conflict means that the thing is being changed: that is waited for."""
    return again(error.what) if isinstance(error, NameTaken) else error


def again(what: str) -> CapacityRefused:
    return CapacityRefused(what, next="nothing: it is looked at again", after_seconds=AGAIN_SECONDS)
