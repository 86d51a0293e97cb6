"""What Event Grid, the chain's table and the Bicep ask of infra/subscriptions.json: its faults, for a test with a broken input each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Rule = Mapping[str, Any]
# Event Grid's own limits: naming rules (resource-name-rules), retry policy and filters (event-grid/manage-event-delivery, event-filtering).
NAME = re.compile(r"[A-Za-z0-9-]{3,64}")
ATTEMPTS, MINUTES, FILTERS, VALUES = range(1, 31), range(1, 1441), 25, 25
TYPES = {"storage": "Microsoft.Storage.", "workspace": "Microsoft.MachineLearningServices.", "custom": "Baton."}
DROPS = "/blobServices/default/containers/incoming/blobs/"
OPTIONAL = {"subjectBeginsWith", "advancedFilters", "maxDeliveryAttempts", "eventTimeToLiveInMinutes"}
KEYS = {"name", "topic", "function", "includedEventTypes"} | OPTIONAL


def subscription_faults(rules: Sequence[Rule], functions: Mapping[str, str], deployed: Iterable[str]) -> list[str]:
    """Faults of the subscriptions, beside `functions` (function to topic, of the table) and the topics that are deployed."""
    asked = {rule["function"]: rule["topic"] for rule in rules}
    found = [f"{name} is in the table and not subscribed" for name in functions.keys() - asked.keys()]
    found += [f"{name} is subscribed and not in the table" for name in asked.keys() - functions.keys()]
    for what in ("name", "function"):
        said = [rule[what] for rule in rules]
        found += [f"{what} {name} stands there twice" for name in sorted(set(said)) if said.count(name) > 1]
    types = [kind for rule in rules for kind in rule["includedEventTypes"]]
    found += [f"{kind} wakes two functions" for kind in sorted(set(types)) if types.count(kind) > 1]
    for rule in rules:
        found += [f"{rule['name']}: {fault}" for fault in _of_one(rule, functions, set(deployed))]
    return found


def _of_one(rule: Rule, functions: Mapping[str, str], deployed: set[str]) -> Iterator[str]:
    topic = rule["topic"]
    if not NAME.fullmatch(rule["name"]):
        yield "Event Grid refuses the name"
    if unknown := rule.keys() - KEYS:
        yield f"nobody reads {', '.join(sorted(unknown))}"
    if topic not in deployed:
        yield f"no topic {topic} is deployed"
    if functions.get(rule["function"], topic) != topic:
        yield f"the table has {rule['function']} at {functions[rule['function']]}, not {topic}"
    if not rule["includedEventTypes"]:
        yield "no event type: it would take all"
    strange = [kind for kind in rule["includedEventTypes"] if not kind.startswith(TYPES.get(topic, ""))]
    if strange:
        yield f"{topic} never sends {', '.join(strange)}"
    if topic == "storage" and rule.get("subjectBeginsWith") != DROPS:
        yield "what Baton writes itself would wake it: a loop"
    yield from _limits(rule)


def _limits(rule: Rule) -> Iterator[str]:
    if rule.get("maxDeliveryAttempts", 30) not in ATTEMPTS:
        yield f"maxDeliveryAttempts is {rule['maxDeliveryAttempts']}, must be 1 to 30"
    if rule.get("eventTimeToLiveInMinutes", 1440) not in MINUTES:
        yield f"eventTimeToLiveInMinutes is {rule['eventTimeToLiveInMinutes']}, must be 1 to 1440"
    filters = rule.get("advancedFilters", [])
    if len(filters) > FILTERS or sum(len(one.get("values", [])) for one in filters) > VALUES:
        yield "more than 25 advanced filters, or values in them"
