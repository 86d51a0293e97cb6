"""Certificates, messages to approvers and log lines name a line of the journal, so that it cannot be written anew unseen."""

from __future__ import annotations

import hashlib
import json
import logging
import re

import pytest

from tests.keeping import keeper_of, with_history
from tests.world import World


def line_hash(world: World, number: int) -> str:
    return hashlib.sha256(world.app.book.journal("m", number, 1)[0].encode()).hexdigest()


def test_a_certificate_names_the_journal_as_it_was_when_it_was_asked_for(world: World) -> None:
    world.go_live("rows")
    where = world.release("m-0001").certificate
    number, _, found = json.loads(world.blobs.read(*where.split("/", 1)))["journal"].partition(":")
    assert found == line_hash(world, int(number))


def test_a_message_to_approvers_names_the_journal_as_it_was(world: World) -> None:
    world.go_live("rows")
    messages = [json.loads(file.read_text()) for file in (world.home / "notices").glob("*.json")]
    (asked,) = [message for message in messages if message["what"] == "approval asked"]
    number, _, found = asked["journal"].partition(":")
    assert found == line_hash(world, int(number))


def test_a_log_line_names_its_journal_line_by_number_and_sixteen_digits(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="baton"):
        world.go_live("rows")
    named = re.findall(r"release live .*journal=(\d+):([0-9a-f]{16}) ?", "\n".join(caplog.messages))
    assert [found for _, found in named] == [line_hash(world, int(number))[:16] for number, _ in named]
    assert len(named) == 1


def test_the_audit_holds_the_journal_against_the_certificates(world: World) -> None:
    with_history(world)
    found = keeper_of(world).inspector.inspect("m")
    assert (found.witnesses, found.fault) == (1, None)
    release = world.release("m-0001")
    container, name = release.certificate.split("/", 1)
    told = json.loads(world.blobs.read(container, name))
    number = int(told["journal"].partition(":")[0])
    world.blobs.drop(container, name, json.dumps({**told, "journal": f"{number}:{'0' * 64}"}).encode())
    fault = keeper_of(world).inspector.inspect("m").fault
    assert fault is not None
    assert (fault.line, fault.what, "certificate" in fault.expected) == (number, "changed", True)
