"""`baton audit` and `baton ledger` against real storage, with nothing else of Baton running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import wiring
from shared.storage.port import Delete, Put
from tests.integration.stored import store
from tests.keeping import SMALL
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
MODEL = "audited"


@pytest.fixture(scope="module")
def stored(connection: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that went live in memory, its rows and blobs written into Azurite; returns the connection."""
    world = World(tmp_path_factory.mktemp("audited"), sizes=SMALL)
    world.publish(MODEL)
    world.settle(MODEL)
    world.go_live("rows", model=MODEL)
    store(world, MODEL, connection)
    return connection


def baton(connection: str, *arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "BATON_DATA": connection, "BATON_HOME": str(home)}
    env.pop("BATON_URL", None)
    command = [str(Path(sys.executable).parent / "baton"), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_an_untouched_model_is_verified_exported_and_found_equal_to_its_journal(stored: str, tmp_path: Path) -> None:
    assert baton(stored, "audit", "verify", MODEL, home=tmp_path).returncode == 0
    assert baton(stored, "ledger", "rebuild", MODEL, "--check", home=tmp_path).returncode == 0
    done = baton(stored, "audit", "export", MODEL, "--out", str(tmp_path / "out.jsonl"), home=tmp_path)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert records[0]["holds"] is True
    assert {record["record"] for record in records} == {"about", "line", "document"}


def test_a_damaged_table_is_named_with_code_2_mended_and_then_equal(stored: str, tmp_path: Path) -> None:
    table = wiring.storage(stored)[0]
    head = table.get(MODEL, "!0head")
    assert head is not None
    table.write(MODEL, [Delete(head.key, head.etag)])
    checked = baton(stored, "ledger", "rebuild", MODEL, "--check", "--json", home=tmp_path)
    assert checked.returncode == 2
    found: list[dict[str, Any]] = json.loads(checked.stdout)
    assert {"key": "!0head", "what": "missing"} in found[0]["differences"]
    refused = baton(stored, "ledger", "rebuild", MODEL, "--why", "x", home=tmp_path)
    assert refused.returncode != 0, "nobody said yes"
    mended = baton(stored, "ledger", "rebuild", MODEL, "--why", "by hand", "--yes", home=tmp_path)
    assert mended.returncode == 0, mended.stderr
    assert baton(stored, "ledger", "rebuild", MODEL, "--check", home=tmp_path).returncode == 0
    assert baton(stored, "audit", "verify", MODEL, home=tmp_path).returncode == 0


def test_a_changed_line_is_named_with_code_2(stored: str, tmp_path: Path) -> None:
    table = wiring.storage(stored)[0]
    row = table.page(MODEL, "journal:", "journal:~", 100)[-2]
    table.write(MODEL, [Put(row.key, row.body.replace('"v":', '"v": '))])
    verified = baton(stored, "audit", "verify", MODEL, home=tmp_path)
    assert verified.returncode == 2
    assert f"line {int(row.key.removeprefix('journal:'))} changed in table row {row.key}" in verified.stdout
    table.write(MODEL, [Put(row.key, row.body)])
