"""What the way of an event costs in calls to storage, counted below Baton in the SDK's own pipeline."""

from __future__ import annotations

from uuid import uuid4

import pytest

from shared import wiring
from shared.storage.port import Insert
from tests.floods.calls import LIMITS, Counts, measure
from tests.floods.counting import CallCounter


@pytest.fixture(scope="module")
def counts(connection: str, tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """Calls by kind, for each part of the way."""
    return measure(connection, tmp_path_factory.mktemp("calls"))


def test_taking_an_event_in_is_one_transaction_and_one_ring(counts: Counts) -> None:
    assert counts["intake"] == {"table transaction": 1, "ring": 1}


def test_a_fold_is_one_read_one_transaction_and_one_ring(counts: Counts) -> None:
    assert counts["advance"] == {"table page": 1, "table transaction": 1, "ring": 1}


def test_a_command_takes_four_calls_besides_its_effect(counts: Counts) -> None:
    assert sum(counts["perform"].values()) <= LIMITS["perform"] + 1 / 8, counts["perform"]


def test_no_more_rows_are_asked_for_at_once_than_azure_gives(connection: str) -> None:
    """More than 1,000 are refused by Azure (Query Timeout and Pagination); Azurite would give them."""
    counter, model = CallCounter(), f"m{uuid4().hex[:8]}"
    wiring.create_storage(connection)
    table = wiring.storage(connection, transport=counter)[0]
    table.write(model, [Insert("a", "1")])
    table.page(model, "a", "b", 2500)
    assert counter.largest_page == 1000
