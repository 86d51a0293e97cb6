"""infra/subscriptions.json is the table of the chain and keeps Event Grid's limits; each rule finds its broken input."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from shared import chain
from tests.bicep import INFRA
from tests.subscription_rules import subscription_faults

RULES: list[dict[str, Any]] = json.loads((INFRA / "subscriptions.json").read_text())["subscriptions"]
DEPLOYED = re.findall(r"one\.topic == '(\w+)'", (INFRA / "subscriptions.bicep").read_text())


def found(rules: list[dict[str, Any]]) -> list[str]:
    return subscription_faults(rules, chain.functions(), DEPLOYED)


def test_the_subscriptions_are_those_of_the_table_and_ones_that_event_grid_takes() -> None:
    assert set(DEPLOYED) == {"storage", "workspace", "custom"}
    assert found(RULES) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "on_new_data"}, "refuses the name"),
        ({"name": "on-request"}, "name on-request stands there twice"),
        ({"function": "on_request"}, "on_new_data is in the table and not subscribed"),
        ({"function": "on_old_data"}, "on_old_data is subscribed and not in the table"),
        ({"topic": "workspace"}, "the table has on_new_data at storage, not workspace"),
        ({"topic": "other"}, "no topic other is deployed"),
        ({"includedEventTypes": []}, "it would take all"),
        ({"includedEventTypes": ["Baton.RetrainRequested"]}, "storage never sends Baton.RetrainRequested"),
        ({"includedEventTypes": ["Microsoft.MachineLearningServices.RunCompleted"]}, "wakes two functions"),
        ({"subjectBeginsWith": "/blobServices/default/containers/"}, "a loop"),
        ({"subjectBeginWith": "/"}, "nobody reads subjectBeginWith"),
        ({"maxDeliveryAttempts": 31}, "must be 1 to 30"),
        ({"eventTimeToLiveInMinutes": 2880}, "must be 1 to 1440"),
        ({"advancedFilters": [{"operatorType": "StringIn", "key": "data.api", "values": ["x"] * 26}]}, "more than 25"),
    ],
)
def test_a_broken_subscription_is_found(changes: dict[str, Any], fault: str) -> None:
    broken = copy.deepcopy(RULES)
    assert broken[0]["function"] == "on_new_data"
    broken[0].update(changes)
    assert any(fault in one for one in found(broken)), found(broken)
