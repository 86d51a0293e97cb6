"""Which version of a model Azure ML names as champion: the service has no aliases, so a tag with a time, and the latest counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from shared.platforms.azureml_errors import AzureMLRefused, NotThere, TagsMoved
from shared.platforms.azureml_run import READS

CHAMPION_TAG = "baton.champion"  # since when, ISO 8601


def latest(listed: Iterable[Any], own: Any | None = None) -> str:
    """The version that was named last, "" if none was; `AzureMLRefused` where a tag is no time.

    `own` is a version that was read by its number, and says more than the list, which lags.
    """
    versions = [one for one in listed if own is None or str(one.version) != str(own.version)]
    versions += [] if own is None else [own]
    since = {str(one.version): _since(one) for one in versions if CHAMPION_TAG in (one.tags or {})}
    return max(since, key=lambda version: since[version], default="")


def _since(found: Any) -> datetime:
    written = str(found.tags[CHAMPION_TAG])
    try:
        since = datetime.fromisoformat(written)
    except ValueError as error:
        raise AzureMLRefused(
            f"the tag {CHAMPION_TAG} of version {found.version} of {found.name} is no time: {written[:40]!r}.",
            next="write it as 2026-03-01T12:00:00+00:00, or take the tag away",
        ) from error
    return since if since.tzinfo else since.replace(tzinfo=UTC)


def tag(
    model: str, version: str, since: str, *, read: Callable[[], Any | None], write: Callable[[Any], object]
) -> None:
    """Write the tag over the one that is there, until it shows: others write all tags of a version too."""
    for _ in range(READS):
        found = read()
        if found is None:
            raise NotThere(f"Azure ML has no version {version} of {model}.", next="look at its versions in the studio")
        if (found.tags or {}).get(CHAMPION_TAG) == since:
            return
        write(found)
    raise TagsMoved(
        f"the tag {CHAMPION_TAG} of version {version} of {model} does not stay.",
        next="see who else writes tags on this model, then name it again as docs/runbook.md#champion-in-doubt says",
    )
