"""The ledger's table on Azure Tables (or Azurite), by azure-data-tables.

A write whose answer was lost is tried again, and the second try then meets the first one as a
conflict. Each transaction therefore has a name of its own, which its rows carry in `write`:

    first try           | second try                 | what the caller hears
    did not arrive      | written                    | written
    written, no answer  | conflict, rows carry our name | written
    written, no answer  | conflict, another's name   | conflict: somebody else was faster
    no answer           | no answer                  | `StorageBusy`: not known
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import DecodeError, HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.storage.clients import LONGEST_PAUSE_SECONDS, PAGE_SECONDS, TRIES, UNANSWERED, said
from shared.storage.port import BODY_LIMIT, Delete, Insert, Replace, Row, RowChanged, RowExists, StorageBusy, Write

AGAIN = "read again and decide again; nothing was written"
CONFLICTS = (409,)
CHANGED = (404, 412)
ROWS_A_PAGE = 1000  # more at once are refused, so a longer range is several pages
ASKS_TO_WAIT = (408, 429)
PAUSE_SECONDS = 0.2
Answer = TypeVar("Answer")


class AzureTable:
    """`Table` over one table client, which must not try again by itself. Safe to share between threads."""

    def __init__(self, client: TableClient, *, page_seconds: float = PAGE_SECONDS) -> None:
        self._client = client
        self._page_seconds = page_seconds

    def get(self, partition: str, key: str) -> Row | None:
        date = _Date()
        found = self._entity(partition, key, date)
        return _row(found, date) if found else None

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        where = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @before"
        values = {"partition": partition, "first": first, "before": before}
        date = _Date()

        def read() -> list[Row]:
            found = self._client.query_entities(
                where,
                parameters=values,
                results_per_page=min(limit, ROWS_A_PAGE),
                read_timeout=self._page_seconds,
                raw_response_hook=date,
            )
            rows: list[Row] = []
            for page in found.by_page():
                rows += [_row(entity, date) for entity in page]
                if len(rows) >= limit:
                    break
            return rows[:limit]

        return _asked(read)

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        for write in writes:
            if not isinstance(write, Delete) and len(write.body) > BODY_LIMIT:
                raise ValueError(f"row {write.key} holds {len(write.body)} characters, at most {BODY_LIMIT} fit")
        name = uuid4().hex
        operations = [_operation(partition, write, name) for write in writes]
        tried = 0

        def submit() -> Mapping[str, str]:
            nonlocal tried
            tried += 1
            try:
                answers = self._client.submit_transaction(operations)
                pairs = zip(writes, answers, strict=True)
                return {write.key: str(answer["etag"]) for write, answer in pairs if not isinstance(write, Delete)}
            except HttpResponseError as error:
                refusal = _refusal(error)
                if refusal is None:
                    raise
                own = self._written_by(name, partition, writes) if tried > 1 else {}
                if own:
                    return own
                raise refusal from error

        return _asked(submit)

    def _written_by(self, name: str, partition: str, writes: Sequence[Write]) -> dict[str, str]:
        """The rows that the transaction of this name wrote and nobody has written since, with their ETags."""
        kept = [write.key for write in writes if not isinstance(write, Delete)]
        found = {key: self._entity(partition, key) for key in kept}
        return {key: row.metadata["etag"] for key, row in found.items() if row and row.get("write") == name}

    def _entity(self, partition: str, key: str, date: _Date | None = None) -> Any:
        def read() -> Any:
            try:
                return self._client.get_entity(partition, key, raw_response_hook=date)
            except ResourceNotFoundError:
                return None

        return _asked(read)


def _asked(call: Callable[[], Answer]) -> Answer:
    """Call at most `TRIES` times, while nobody knows the outcome or storage asks to wait a little; then `StorageBusy`."""
    tried = 0
    while True:
        tried += 1
        try:
            return call()
        except UNANSWERED as error:
            pause = _pause_seconds(error)
            if tried >= TRIES or pause is None:
                raise _busy(error) from error
        time.sleep(pause)


def _pause_seconds(error: Exception) -> float | None:
    """How long to wait before the next try; None if there should be none now: refused for good, or too long a wait."""
    if not isinstance(error, HttpResponseError) or isinstance(error, DecodeError) or error.response is None:
        return PAUSE_SECONDS
    if (error.status_code or 500) < 500 and error.status_code not in ASKS_TO_WAIT:
        return None
    response: Any = error.response
    try:
        asked = float(response.headers.get("Retry-After", PAUSE_SECONDS))
    except ValueError:
        return None
    return asked if asked <= LONGEST_PAUSE_SECONDS else None


class _Date:
    """Storage's own time, as the last answer's header tells it."""

    def __init__(self) -> None:
        self.last: datetime | None = None

    def __call__(self, answer: Any) -> None:
        header = answer.http_response.headers.get("date")
        self.last = parsedate_to_datetime(header) if header else None


def _row(entity: Any, date: _Date) -> Row:
    metadata = entity.metadata
    return Row(entity["RowKey"], entity["body"], metadata["etag"], metadata.get("timestamp"), date.last)


def _operation(partition: str, write: Write, name: str) -> tuple[Any, ...]:
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": write.key}
    if isinstance(write, Delete):
        return ("delete", entity, _if_match(write.etag))
    entity |= {"body": write.body, "write": name}
    if isinstance(write, Insert):
        return ("create", entity)
    if isinstance(write, Replace):
        return ("update", entity, {"mode": UpdateMode.REPLACE, **_if_match(write.etag)})
    return ("upsert", entity, {"mode": UpdateMode.REPLACE})


def _if_match(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _refusal(error: HttpResponseError) -> RowExists | RowChanged | None:
    """What a refused transaction says of its rows; None if the error is none of theirs."""
    if error.status_code in CONFLICTS:
        return RowExists(f"a row is there already: {error.message[:200]}", next=AGAIN)
    if error.status_code in CHANGED:
        return RowChanged(f"a row changed meanwhile: {error.message[:200]}", next=AGAIN)
    return None


def _busy(error: Exception) -> StorageBusy:
    return StorageBusy(f"table storage: {said(error)}", next="this is tried again by itself")
