"""Topics and event subscriptions, read from a JSON file that Bicep reads too.

`{"v": 1, "subscriptions": [{"name", "topic", "function", "includedEventTypes", "subjectBeginsWith", ...}]}`, the
properties named as in Azure's `eventSubscriptions`. `"topics": {"<name>": "<resource id>"}` is optional.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from local.filters import EVERYTHING, OPERATORS, Condition, Filter
from shared.errors import Permanent

_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers"
LOCAL_TOPICS = {
    "storage": f"{_GROUP}/Microsoft.Storage/storageAccounts/devstoreaccount1",
    "workspace": f"{_GROUP}/Microsoft.MachineLearningServices/workspaces/local",
    "custom": f"{_GROUP}/Microsoft.EventGrid/topics/baton",
}
_KNOWN = {
    "name", "topic", "function", "includedEventTypes", "subjectBeginsWith", "subjectEndsWith", "isSubjectCaseSensitive",
    "advancedFilters", "maxDeliveryAttempts", "eventTimeToLiveInMinutes",
}  # fmt: skip


class SubscriptionsRefused(Permanent):
    """The subscriptions file is not valid; the message lists every fault."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which events of a topic go to which function, and how long delivery is tried."""

    name: str
    topic: str
    function: str
    filter: Filter = EVERYTHING
    max_delivery_attempts: int = 30
    ttl_minutes: int = 1440


@dataclass(frozen=True, slots=True)
class Grid:
    """Topics (short name to Azure resource id) and the subscriptions on them."""

    topics: Mapping[str, str]
    subscriptions: tuple[Subscription, ...]

    def wanting(self, topic: str, event: Mapping[str, object]) -> tuple[str, ...]:
        """The names of the topic's subscriptions that want the event."""
        return tuple(s.name for s in self.subscriptions if s.topic == topic and s.filter.wants(event))


def of_workspace(grid: Grid, resource_id: str) -> Grid:
    """The same, where the workspace whose events come here is another one than the laptop's own; "" for its own."""
    return replace(grid, topics={**grid.topics, "workspace": resource_id}) if resource_id else grid


def load(path: Path) -> Grid:
    """Read and check the file; raise `SubscriptionsRefused` with all faults at once."""
    document = json.loads(path.read_text())
    topics = {**LOCAL_TOPICS, **document.get("topics", {})}
    entries: Sequence[Mapping[str, Any]] = document["subscriptions"]
    faults = [f"{entry.get('name', '?')}: {fault}" for entry in entries for fault in _faults(entry, topics)]
    names = [str(entry.get("name", "?")).casefold() for entry in entries]
    faults += [f"{name}: the name is used twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if faults:
        raise SubscriptionsRefused(f"{path.name} is not valid: {'; '.join(faults)}.", next=f"mend {path.name}")
    return Grid(topics, tuple(_subscription(entry) for entry in entries))


def _subscription(entry: Mapping[str, Any]) -> Subscription:
    wanted = Filter(
        tuple(entry.get("includedEventTypes", ())),
        entry.get("subjectBeginsWith", ""),
        entry.get("subjectEndsWith", ""),
        entry.get("isSubjectCaseSensitive", False),
        tuple(_condition(condition) for condition in entry.get("advancedFilters", ())),
    )
    attempts, ttl = entry.get("maxDeliveryAttempts", 30), entry.get("eventTimeToLiveInMinutes", 1440)
    return Subscription(entry["name"], entry["topic"], entry["function"], wanted, attempts, ttl)


def _condition(entry: Mapping[str, Any]) -> Condition:
    values = entry.get("values", [entry["value"]] if "value" in entry else [])
    return Condition(entry["operatorType"], entry["key"], tuple(values))


def _faults(entry: Mapping[str, Any], topics: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{key} is missing" for key in ("name", "topic", "function") if not entry.get(key))
    yield from (f"unknown property {key}" for key in entry if key not in _KNOWN)
    if entry.get("topic") not in topics:
        yield f"unknown topic {entry.get('topic')!r}, known are {', '.join(sorted(topics))}"
    if not 1 <= entry.get("maxDeliveryAttempts", 30) <= 30:
        yield "maxDeliveryAttempts is not in 1-30"
    if not 1 <= entry.get("eventTimeToLiveInMinutes", 1440) <= 1440:
        yield "eventTimeToLiveInMinutes is not in 1-1440"
    yield from _filter_faults(entry.get("advancedFilters", ()))


def _filter_faults(filters: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Azure's own limits: 25 filters, 25 values in all, 512 characters a value."""
    yield from (
        f"unknown operatorType {f.get('operatorType')!r}" for f in filters if f.get("operatorType") not in OPERATORS
    )
    yield from ("an advanced filter has no key" for f in filters if not f.get("key"))
    values = [value for f in filters for value in (f.get("values") or ())]
    if len(filters) > 25 or len(values) > 25:
        yield f"{len(filters)} advanced filters with {len(values)} values, at most 25 of each"
    yield from (
        f"a filter value has {len(v)} characters, at most 512" for v in values if isinstance(v, str) and len(v) > 512
    )
