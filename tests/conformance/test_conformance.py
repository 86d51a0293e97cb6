"""The local host and Microsoft's worker library see the same app alike.

Without Python 3.13 these tests are skipped aloud; BATON_REQUIRE_CONFORMANCE=1 makes that a failure.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.azurite import azurite
from shared.wiring import create_storage
from tests.conformance import environment
from tests.conformance.broken import BROKEN
from tests.conformance.compare import differences
from tests.conformance.drive import Seen, drive
from tests.conformance.environment import NoPython313

REPORTS = environment.PROJECT / ".baton" / "conformance"
SAMPLE = environment.PROJECT / "tests" / "apps" / "sample"
CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)"  # a time for machines
    r"|\d{1,2} \w{3} \d{4}, [\d:]+ UTC"  # a time for people
    r"|nonce\W{1,3}[\w-]{16}"  # a page's one-time permission for its own script
)


@pytest.fixture(scope="module", autouse=True)
def python313() -> None:
    """The other side's environment, made on the first run."""
    required = os.environ.get("BATON_REQUIRE_CONFORMANCE") == "1"
    try:
        environment.prepare(fetch_python=required)
    except NoPython313 as missing:
        if required:
            raise
        pytest.skip(f"NOT COMPARED WITH MICROSOFT'S WORKER: {missing}")


def never_succeeded(seen: Seen) -> set[str]:
    """Functions that failed on every case: comparing only failures would prove little."""
    succeeded = {case["function"] for case in seen.theirs["cases"] if case["ok"]}
    return {function["name"] for function in seen.theirs["functions"]} - succeeded


def assert_alike(seen: Seen) -> None:
    found = differences(seen.ours, seen.theirs, ignore=lambda body: CHANGING.sub("~", body))
    assert not found, "\n".join(found)


@contextmanager
def project_settings(folder: Path) -> Iterator[dict[str, str]]:
    """All that the project's app needs: an empty storage of its own, the other services a closed port."""
    folder.mkdir()
    users = folder / "users.json"
    users.write_text("{}")
    with azurite(environment.PROJECT / ".baton", in_memory=True) as storage:
        create_storage(storage.connection_string())
        yield project_environment(storage.connection_string(), folder, users)


def project_environment(connection: str, folder: Path, users: Path) -> dict[str, str]:
    closed = "http://127.0.0.1:9"
    return {
        "BATON_DATA": connection,
        "BATON_HOME": str(folder / "home"),
        "BATON_APPROVAL_KEY": "0123456789abcdef0123456789abcdef",
        "BATON_SIGNING_KEY": "00" * 32,
        "BATON_URL": closed,
        "BATON_USERS": str(users),
        "BATON_ROUTER": closed,
        "BATON_ROUTER_KEY": "key",
        "BATON_SWEEP": "*/30 * * * * *",
        "MLFLOW_TRACKING_URI": closed,
    }


def triggers(seen: Seen) -> set[str]:
    kinds = {binding["type"] for function in seen.ours["functions"] for binding in function["bindings"]}
    return {kind for kind in kinds if kind.endswith("Trigger")}


def test_the_sample_app_is_seen_alike_trigger_by_trigger(connection: str) -> None:
    settings = {"SAMPLE_STORAGE": connection, "SAMPLE_QUEUE": f"sample-{uuid.uuid4().hex[:8]}"}
    seen = drive(SAMPLE, REPORTS / "sample", ours=settings, theirs=settings)
    assert seen.theirs["started"], seen.theirs["exception"]
    assert triggers(seen) == {"eventGridTrigger", "queueTrigger", "timerTrigger", "httpTrigger"}
    assert never_succeeded(seen) == {"broken"}
    assert_alike(seen)


def test_the_projects_app_is_seen_alike_trigger_by_trigger(tmp_path: Path) -> None:
    with project_settings(tmp_path / "ours") as ours, project_settings(tmp_path / "theirs") as theirs:
        seen = drive(environment.PROJECT, REPORTS / "baton", ours=ours, theirs=theirs)
    assert seen.theirs["started"], seen.theirs["exception"]
    assert triggers(seen) == {"eventGridTrigger", "queueTrigger", "timerTrigger", "httpTrigger"}
    assert never_succeeded(seen) == set()
    assert_alike(seen)


@pytest.mark.parametrize("why", sorted(BROKEN))
def test_an_app_that_the_worker_refuses_is_refused_here_too(tmp_path: Path, why: str) -> None:
    (tmp_path / "function_app.py").write_text(BROKEN[why])
    seen = drive(tmp_path, tmp_path / "reports", ours={}, theirs={})
    assert not seen.theirs["started"]
    assert_alike(seen)
