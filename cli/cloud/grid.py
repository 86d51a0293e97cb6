"""Checks of Event Grid: are the topics there, and does each subscription deliver what it should, where it should?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cli.cloud.arm import Arm, Missing
from cli.cloud.expected import DEAD_LETTERS
from cli.cloud.installation import Installation
from cli.doctor import Check
from cli.machine import ROOT, Wrong

GRID = "2025-02-15"
SCHEMA = "EventGridSchema"
SUBSCRIBE = "infra/subscribe.sh, with azd's values in the environment: azd hooks run postdeploy"
RULES = ROOT / "infra" / "subscriptions.json"


def checks(arm: Arm, at: Installation) -> Iterator[tuple[str, Check]]:
    """Name and check of each topic and each subscription."""
    for name, place in at.topic_ids.items():
        yield f"topic {name}", partial(topic, arm, place)
    for rule in [rule for rule in rules() if rule["topic"] in at.topic_ids]:
        yield f"subscription {rule['name']}", partial(subscription, arm, at, rule)


def rules(file: Path = RULES) -> list[Mapping[str, Any]]:
    """The subscriptions as they should be."""
    found: list[Mapping[str, Any]] = json.loads(file.read_text())["subscriptions"]
    return found


def topic(arm: Arm, place: str) -> str:
    """Made, and with an identity of its own, by which it writes dead letters."""
    found = arm.get(place, GRID)
    state = found["properties"].get("provisioningState")
    if state != "Succeeded":
        raise Wrong(f"the topic is {state}", next="azd provision")
    identity(arm, place)
    return place.rsplit("/", 1)[-1]


def identity(arm: Arm, place: str) -> str:
    """The object id of the topic's identity."""
    found = (arm.get(place, GRID).get("identity") or {}).get("principalId")
    if not found:
        raise Wrong("the topic has no identity, so it cannot write what it could not deliver", next="azd provision")
    return str(found)


def subscription(arm: Arm, at: Installation, rule: Mapping[str, Any]) -> str:
    """There, done, to the right function, with the right filter, tries and dead letters."""
    place = f"{at.topic_ids[rule['topic']]}/eventSubscriptions/{rule['name']}"
    try:
        found = arm.get(place, GRID)["properties"]
    except Missing as missing:
        raise Wrong("it is not there: these events wake nobody", next=SUBSCRIBE) from missing
    faults = [*_delivery(found, at, rule), *_filter(found, rule), *_end(found, at, rule)]
    if faults:
        raise Wrong("; ".join(faults), next=SUBSCRIBE)
    return f"to {rule['function']}"


def _delivery(found: Mapping[str, Any], at: Installation, rule: Mapping[str, Any]) -> Iterator[str]:
    state = found.get("provisioningState")
    if state != "Succeeded":
        yield f"it is {state}"
    destination = found.get("destination") or {}
    target = str((destination.get("properties") or {}).get("resourceId", ""))
    wanted = f"{at.app}/functions/{rule['function']}"
    if destination.get("endpointType") != "AzureFunction" or target.lower() != wanted.lower():
        yield f"it delivers to {target or destination.get('endpointType')}, not to {rule['function']}"
    if found.get("eventDeliverySchema") != SCHEMA:
        yield f"it delivers as {found.get('eventDeliverySchema')}, not as {SCHEMA}"


def _filter(found: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[str]:
    given = found.get("filter") or {}
    if set(given.get("includedEventTypes") or ()) != set(rule["includedEventTypes"]):
        yield f"it lets through {given.get('includedEventTypes')}, not {rule['includedEventTypes']}"
    if (given.get("subjectBeginsWith") or "") != rule["subjectBeginsWith"]:
        yield f"subjects must begin with {given.get('subjectBeginsWith')!r}, not {rule['subjectBeginsWith']!r}"
    if _sorted(given.get("advancedFilters") or ()) != _sorted(rule["advancedFilters"]):
        yield f"its advanced filters are {given.get('advancedFilters')}, not {rule['advancedFilters']}"


def _sorted(filters: Any) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in filters)


def _end(found: Mapping[str, Any], at: Installation, rule: Mapping[str, Any]) -> Iterator[str]:
    given = found.get("retryPolicy") or {}
    for name in ("maxDeliveryAttempts", "eventTimeToLiveInMinutes"):
        if given.get(name) != rule[name]:
            yield f"{name} is {given.get(name)}, not {rule[name]}"
    letters = found.get("deadLetterWithResourceIdentity") or {}
    place = (letters.get("deadLetterDestination") or {}).get("properties") or {}
    if place.get("blobContainerName") != DEAD_LETTERS or place.get("resourceId", "").lower() != at.data_account.lower():
        yield "what cannot be delivered is lost: it has no dead-letter container by identity"
