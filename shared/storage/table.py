"""The ledger's table on Azure Tables (or Azurite), by azure-data-tables.

A write whose answer was lost is retried by the SDK, and the retry then meets its own first try as a
conflict; the fold reads back and decides again, so a conflict here is never more than that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, TableTransactionError, UpdateMode

from shared.storage.port import BODY_LIMIT, Delete, Insert, Replace, Row, RowChanged, RowExists, StorageBusy, Write

AGAIN = "read again and decide again; nothing was written"
CONFLICTS = (409,)
CHANGED = (404, 412)
ROWS_A_PAGE = 1000  # more at once are refused, so a longer range is several pages


class AzureTable:
    """`Table` over one table client. Safe to share between threads."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def get(self, partition: str, key: str) -> Row | None:
        try:
            return _row(self._client.get_entity(partition, key))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise _busy(error) from error

    def page(self, partition: str, first: str, before: str, limit: int) -> list[Row]:
        where = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @before"
        values = {"partition": partition, "first": first, "before": before}
        try:
            size = min(limit, ROWS_A_PAGE)
            pages = self._client.query_entities(where, parameters=values, results_per_page=size).by_page()
            rows: list[Row] = []
            for page in pages:
                rows += [_row(entity) for entity in page]
                if len(rows) >= limit:
                    break
            return rows[:limit]
        except AzureError as error:
            raise _busy(error) from error

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        for write in writes:
            if not isinstance(write, Delete) and len(write.body) > BODY_LIMIT:
                raise ValueError(f"row {write.key} holds {len(write.body)} characters, at most {BODY_LIMIT} fit")
        try:
            answers = self._client.submit_transaction([_operation(partition, write) for write in writes])
        except TableTransactionError as error:
            raise _refusal(error) from error
        except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError) as error:
            raise _refusal(error) from error
        except AzureError as error:
            raise _busy(error) from error
        pairs = zip(writes, answers, strict=True)
        return {write.key: str(answer["etag"]) for write, answer in pairs if not isinstance(write, Delete)}


def _row(entity: Any) -> Row:
    return Row(entity["RowKey"], entity["body"], entity.metadata["etag"])


def _operation(partition: str, write: Write) -> tuple[Any, ...]:
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": write.key}
    if isinstance(write, Delete):
        return ("delete", entity, _if_match(write.etag))
    entity["body"] = write.body
    if isinstance(write, Insert):
        return ("create", entity)
    if isinstance(write, Replace):
        return ("update", entity, {"mode": UpdateMode.REPLACE, **_if_match(write.etag)})
    return ("upsert", entity, {"mode": UpdateMode.REPLACE})


def _if_match(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _refusal(error: HttpResponseError) -> Exception:
    status = error.status_code
    if status in CONFLICTS:
        return RowExists(f"a row is there already: {error.message[:200]}", next=AGAIN)
    if status in CHANGED:
        return RowChanged(f"a row changed meanwhile: {error.message[:200]}", next=AGAIN)
    return _busy(error)


def _busy(error: AzureError) -> StorageBusy:
    return StorageBusy(f"table storage: {error.message[:300]}", next="this is tried again by itself")
