"""People are told by whichever notifier: at least once, with what, why, by when, and where; and what was not told is seen.

The one that goes through apprise speaks to a local server by apprise's own json:// and slack-like webhooks.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import log
from shared.errors import Retryable, SettingsRefused
from shared.notify import FileNotifier, Message, Notifier
from shared.notify_apprise import AppriseNotifier, reads
from shared.settings import Settings
from shared.watching.alerts import ALERTS
from shared.watching.loglines import of
from tests.wire.server import Answer, Asked, WireServer
from tests.world import World

SECRET = "T0K3N"
LONG_ENOUGH = timedelta(minutes=30)
MESSAGE = Message(
    "m-000007", "m", "m-0001", "approval asked", "version 1 <b>waits</b>", "`baton approve m-0001`",
    "http://b/releases/m-0001", until="2026-03-02T12:00:00+00:00",
)  # fmt: skip


DOCUMENTED = (
    "workflows://prod-1.westeurope.logic.azure.com:443/643e69f83c8944438d68119179a10a64/S1gn4tur3",
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
    "mailtos://ana:secret@example.com",
    "jsons://host/path",
)
TEAMS = (
    "https://prod-1.westeurope.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=S1gn4tur3"
)


class FileBench:
    def __init__(self, folder: Path) -> None:
        self.notifier = FileNotifier(folder / "notices")

    def told(self) -> list[str]:
        return [path.read_text() for path in (self.notifier._folder).glob("*.json")]


class Inbox:
    """A server that takes what apprise posts to a json:// address."""

    def __init__(self, wire: WireServer) -> None:
        self.wire = wire
        self.taken: list[dict[str, Any]] = []
        for name in ("first", "second"):
            wire.route("POST", f"/{name}/{SECRET}", self._take)

    def _take(self, asked: Asked) -> Answer:
        self.taken.append(asked.body)
        return Answer(document={})

    def address(self, name: str = "first") -> str:
        return f"{self.wire.url.replace('http', 'json')}/{name}/{SECRET}"

    def told(self) -> list[str]:
        return [json.dumps(body) for body in self.taken]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    wire = WireServer()
    with wire.running():
        yield Inbox(wire)


def test_every_kind_of_address_that_the_docs_name_is_one_that_apprise_reads() -> None:
    page = (Path(__file__).parents[2] / "docs/azure.md").read_text()
    named = page.split("## Telling people", 1)[1].split("## ", 1)[0]
    kinds = set(re.findall(r"`(\w+)://(?:\.\.\.|host)", named))
    assert kinds == {address.partition("://")[0] for address in DOCUMENTED}
    assert [address for address in (*DOCUMENTED, TEAMS) if not reads(address)] == []
    assert not reads("msteams://team@a/b/c")


@pytest.mark.parametrize("kind", ["file", "apprise"])
def test_a_message_says_what_why_by_when_and_where(kind: str, inbox: Inbox, tmp_path: Path) -> None:
    files = FileBench(tmp_path)
    notifier: Notifier = files.notifier if kind == "file" else AppriseNotifier([inbox.address()])
    notifier.tell(MESSAGE)
    (told,) = files.told() if kind == "file" else inbox.told()
    for part in ("approval asked", MESSAGE.why, MESSAGE.until, MESSAGE.next, MESSAGE.link, "m-0001"):
        assert part in told


@pytest.mark.parametrize("kind", ["file", "apprise"])
def test_a_message_told_twice_is_one_message(kind: str, inbox: Inbox, tmp_path: Path) -> None:
    files = FileBench(tmp_path)
    notifier: Notifier = files.notifier if kind == "file" else AppriseNotifier([inbox.address()])
    notifier.tell(MESSAGE)
    notifier.tell(MESSAGE)
    assert len(files.told() if kind == "file" else inbox.told()) == 1


def test_a_repeat_reaches_only_the_address_that_did_not_take_it(inbox: Inbox) -> None:
    notifier = AppriseNotifier([inbox.address("first"), inbox.address("second")])
    inbox.wire.fail("POST", "/second/", 503)
    with pytest.raises(Retryable, match=r"address 2 \(json\) of BATON_NOTIFY"):
        notifier.tell(MESSAGE)
    notifier.tell(MESSAGE)
    assert (inbox.wire.count("POST", "/first/"), inbox.wire.count("POST", "/second/")) == (1, 2)


@pytest.mark.parametrize("address", [f"json://127.0.0.1:1/{SECRET}", f"nosuchscheme://{SECRET}", f"slack://{SECRET}"])
def test_no_error_and_no_line_shows_an_address(address: str, caplog: pytest.LogCaptureFixture) -> None:
    log.quiet_the_sdks()
    with caplog.at_level(logging.DEBUG), pytest.raises(Retryable, match="did not take") as raised:
        AppriseNotifier([address]).tell(MESSAGE)
    assert SECRET not in f"{raised.value!r} {raised.value} {raised.value.__cause__}"
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert SECRET not in "".join(ours)


def asks(world: World, inbox: Inbox) -> None:
    """A release that waits for a person, in a world whose people are told through apprise."""
    world.notifier = AppriseNotifier([inbox.address()])
    world.restart()
    world.publish()
    world.drop("rows")


def test_a_lost_notification_is_retried_and_journalled(
    world: World, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.wire.fail("POST", "/first/", 503, times=11)
    asks(world, inbox)
    with caplog.at_level(logging.WARNING, logger="baton"):
        world.wait(LONG_ENOUGH)
    assert any("command tried again" in record.getMessage() for record in caplog.records)
    assert [body["title"] for body in inbox.taken] == ["m-0001: approval asked"]
    assert "http://127.0.0.1:1/releases/m-0001" in inbox.taken[0]["message"]
    assert "Until: " in inbox.taken[0]["message"]


def test_one_that_nobody_takes_is_set_aside_and_wakes_somebody(
    world: World, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.wire.fail("POST", "/first/", 503, times=99)
    asks(world, inbox)
    with caplog.at_level(logging.INFO, logger="baton"):
        world.wait(LONG_ENOUGH)
    lines = [of(world.now, record.levelname, record.getMessage()) for record in caplog.records]
    (alert,) = [one for one in ALERTS if one.name == "dead-letter"]
    assert {line.fields.get("rule") for line in alert.found(lines, world.now)} == {"ask_approval"}
    assert world.release("m-0001").state == "awaiting approval"
    assert SECRET not in "".join(record.getMessage() for record in caplog.records)


def test_a_setting_that_is_no_address_is_refused_without_showing_it(world: World) -> None:
    environment = {"BATON_NOTIFY": f"slack://a/b @Microsoft.KeyVault(SecretUri=https://v/{SECRET})"}
    with pytest.raises(SettingsRefused, match="address 2 of the 2 in BATON_NOTIFY") as refused:
        Settings.from_env(environment)
    assert SECRET not in str(refused.value)
