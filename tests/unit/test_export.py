"""What an auditor gets stands alone: it is checked here with SHA-256 and JSON, and nothing of Baton."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from shared.journaling import export
from tests.keeping import keeper_of, with_history
from tests.world import World


def sha(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


@pytest.fixture
def exported(world: World) -> list[dict[str, Any]]:
    """The parsed records of a model that went live."""
    with_history(world)
    read = {"at": world.now.isoformat(), "by": "operations", "path": "/models/m", "model": "m"}
    other = {**read, "path": "/models/other", "model": "other"}
    text = "".join(json.dumps(entry) + "\n" for entry in (read, other))
    world.blobs.put("access", "2026-03-01.jsonl", text.encode(), content_type="text/plain")
    keeper = keeper_of(world)
    found = export.records(keeper.inspector.inspect("m"), keeper.blobs, by="ada", at=world.now)
    return [json.loads(line) for line in export.lines(found).splitlines()]


def of(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["record"] == kind]


def test_the_chain_is_checked_with_the_file_alone(exported: list[dict[str, Any]]) -> None:
    about, lines = exported[0], of(exported, "line")
    prev = ""
    for number, line in enumerate(lines, start=1):
        told = json.loads(line["text"])
        assert (told["n"], told["prev"], sha(line["text"])) == (number, prev, line["hash"])
        prev = line["hash"]
    assert (about["lines"], about["hash"], about["holds"]) == (len(lines), prev, True)


def test_each_line_says_who_what_when_why_as_its_text_does(exported: list[dict[str, Any]]) -> None:
    for line in of(exported, "line"):
        told = json.loads(line["text"])
        assert (line["what"], line["when"], line["why"]) == (told["event"]["kind"], told["at"], told["why"])
    approvals = [line for line in of(exported, "line") if line["what"] == "ApprovalGiven"]
    assert [(line["who"], line["asked_why"], line["release"]) for line in approvals] == [
        ("operations", "looks right", "m-0001")
    ]


def test_the_evidence_of_an_approval_is_named_with_its_hash(world: World, exported: list[dict[str, Any]]) -> None:
    (approval,) = [line for line in of(exported, "line") if line["what"] == "ApprovalGiven"]
    release = world.release("m-0001")
    for where in (release.evidence, release.certificate):
        content = world.blobs.read(*where.split("/", 1))
        assert {"where": where, "sha256": sha(content)} in approval["evidence"]
        assert [one["sha256"] for one in of(exported, "document") if one["where"] == where] == [sha(content)]


def test_who_read_what_of_this_model_is_in_it_and_of_others_not(exported: list[dict[str, Any]]) -> None:
    assert [(read["by"], read["path"]) for read in of(exported, "read")] == [("operations", "/models/m")]


def test_the_readable_form_has_a_sentence_for_each_record(world: World, exported: list[dict[str, Any]]) -> None:
    text = export.readable(exported)
    assert len(text.splitlines()) == len(exported)
    assert 'operations ("looks right"): ApprovalGiven m-0001 taken' in text
    assert "operations read /models/m" in text


def test_a_document_that_is_gone_is_said_to_be_gone(world: World) -> None:
    with_history(world)
    where = world.release("m-0001").evidence
    del world.blobs.blobs[tuple(where.split("/", 1))]  # type: ignore[arg-type]
    keeper = keeper_of(world)
    found = export.records(keeper.inspector.inspect("m"), keeper.blobs, by="ada", at=world.now)
    assert [one["gone"] for one in of(found, "document") if one["where"] == where] == [True]
