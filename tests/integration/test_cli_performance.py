"""`baton labels` and `baton performance` against real storage, with nothing else of Baton running."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

from shared import wiring
from shared.files.keeping import JSON
from tests.integration.command_line import CommandLine
from tests.integration.test_cli_drift import MODEL, stored
from tests.unit.test_drifting import checked, rows
from tests.world import World, evidence

ANSWERED = 120


def served(home: Path, connection: str) -> CommandLine:
    """Version 1 of a model serves, judged with a mean squared error of 4, and answered 120 requests with 0."""
    world = World(home, checker=checked)
    world.publish(MODEL)
    world.settle(MODEL)
    world.go_live(rows(1), model=MODEL, judged=evidence(4.0))
    baton = stored(world, connection, home)
    now = datetime.now(UTC)
    kept = {"time": now.isoformat(), "version": "1", "status": 200, "pinned": False, "predictions": [0.0]}
    lines = "\n".join(json.dumps({**kept, "request_id": f"r{number}"}) for number in range(ANSWERED))
    _, _, blobs = wiring.storage(connection)
    blobs.put("scored", f"{MODEL}/{now:%Y/%m/%d/%H}-0001.jsonl", lines.encode(), content_type=JSON)
    return baton


def test_labels_that_show_a_worse_version_are_told_with_numbers_and_end_with_2(tmp_path: Path, connection: str) -> None:
    baton = served(tmp_path, connection)
    before = baton("performance", MODEL)
    assert (before.code, "0 of 120 answered rows have labels" in before.out) == (0, True), before.err

    draw = random.Random(1)
    file = tmp_path / "outcomes.csv"
    file.write_text("request_id,label\n" + "".join(f"r{number},{draw.gauss(0, 4)}\n" for number in range(100)))
    sent = baton("labels", MODEL, str(file))
    assert (sent.code, sent.out.splitlines()[-1]) == (0, f"Next: baton performance {MODEL}."), sent.err

    after = baton("performance", MODEL)
    first, day, whole, verdict, todo = after.out.splitlines()
    assert after.code == 2, after.err
    assert first == f"{MODEL}: version 1, mse, lower is better; 4 when it was judged on 80 rows"
    assert "100 of 120 answered rows have labels" in day
    assert verdict.startswith("worse: mse ")
    assert (whole.split()[0], todo.startswith("Next: baton retrain")) == ("all", True)
    assert baton("performance", MODEL, "--json").json["worse"] is True


def test_a_file_that_holds_no_labels_is_refused(tmp_path: Path, connection: str) -> None:
    file = tmp_path / "outcomes.csv"
    file.write_text("id,outcome\n1,2\n")
    wiring.create_storage(connection)
    ran = CommandLine({"BATON_DATA": connection, "BATON_HOME": str(tmp_path)})("labels", MODEL, str(file))
    assert (ran.code, "lacks the columns request_id and label" in ran.err) == (1, True)
