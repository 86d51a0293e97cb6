"""A drop that is our own output is refused before anything is trained on it; the truth about what we were asked is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from shared.data.answers import ANSWERED, About
from shared.data.check import check
from shared.data.checking import check_in_subprocess
from shared.data.contract import parse_contract
from shared.data.verdict import Verdict
from shared.monitoring.answered import MOST_BYTES
from tests.world import World

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: m
version: 1.0.0
schema:
  - name: m
    properties:
      - {name: ID, logicalType: integer}
      - {name: AGE, logicalType: number}
      - {name: TOWN, logicalType: string}
      - {name: Y, logicalType: KIND}
"""
NUMBERS = About("m", "Y", ["ID"], 50.0)
CLASSES = About("m", "Y", ["ID"], 50.0, classes=["no", "yes"])
Row = dict[str, object]


class Past:
    """What an endpoint was asked and answered, beside a drop that can be checked."""

    def __init__(self, home: Path, told: About = NUMBERS, kind: str = "number") -> None:
        self.home, self.told, self.contract = home, told, parse_contract(CONTRACT.replace("KIND", kind))
        self.draws = np.random.default_rng(7)

    def rows(self, count: int) -> list[Row]:
        """Rows as they are asked for: without key and target."""
        towns = self.draws.choice(["Ulm", "Bonn", 'a "b", c'], count)
        return [{"AGE": float(self.draws.normal(40, 9)), "TOWN": str(town)} for town in towns]

    def answered(self, rows: Sequence[Row], said: Sequence[object], **line: object) -> None:
        """One collected request."""
        folder = self.home / ANSWERED
        folder.mkdir(exist_ok=True)
        known = {"v": 1, "status": 200, "pinned": False, "rows": rows, "predictions": said, **line}
        with (folder / "000001.jsonl").open("a") as file:
            file.write(json.dumps(known) + "\n")
        self.told.save(folder)

    def drop(self, rows: Sequence[Row], target: Sequence[object]) -> Verdict:
        """The verdict on these rows with these values of the target, under new keys."""
        file = self.home / "drop.csv"
        cells = (
            [str(number), str(row["AGE"]), '"' + str(row["TOWN"]).replace('"', '""') + '"', str(value)]
            for number, (row, value) in enumerate(zip(rows, target, strict=True))
        )
        file.write_text("\n".join(["ID,AGE,TOWN,Y", *map(",".join, cells)]) + "\n")
        return check(file, self.contract, answered=self.home / ANSWERED)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def test_a_drop_of_our_own_answers_is_refused_with_share_rows_and_next_step(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    new, truth = past.rows(15), past.draws.normal(150, 50, 15).tolist()
    verdict = past.drop([*new, *rows], [*truth, *said])
    (problem,) = verdict.problems
    assert (verdict.accepted, problem.rule, problem.column, problem.count) == (False, "own_output", "Y", 60)
    assert problem.rows == tuple(range(16, 26))
    assert verdict.summary == (
        "60 of 75 rows (80.0 %) are what m was asked for, with its own answer as Y; at most 50 % may be"
    )
    assert "docs/retraining.md#own-output" in problem.remedy


@pytest.mark.parametrize("form", ["{:.2f}", "{:.0f}", "{!r}"])
def test_answers_are_known_again_however_they_were_rounded(past: Past, form: str) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    assert not past.drop(rows, [form.format(value) for value in said]).accepted


def test_the_truth_about_what_we_were_asked_is_accepted(past: Past) -> None:
    rows, said = past.rows(400), past.draws.normal(150, 50, 400)
    past.answered(rows, said.tolist())
    assert past.drop(rows, (said + past.draws.normal(0, 5, 400)).tolist()).accepted


def test_half_of_the_rows_may_be_our_own_and_one_more_may_not(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    new, truth = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    assert past.drop([*rows, *new], [*said, *truth]).accepted
    assert not past.drop([*rows, *new[:-1]], [*said, *truth[:-1]]).accepted


def test_another_row_with_the_same_number_is_not_ours(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    assert past.drop([{**row, "TOWN": "Ulm "} for row in rows], said).accepted


def test_classes_are_our_own_where_not_one_of_a_hundred_differs(tmp_path: Path) -> None:
    """Nobody's truth agrees with 0.9 as yes, 0.1 as no in every row; a good model's agrees in most."""
    past = Past(tmp_path, CLASSES, "string")
    rows, chances = past.rows(120), past.draws.random(120).tolist()
    past.answered(rows, chances)
    said = ["yes" if chance >= 0.5 else "no" for chance in chances]
    assert not past.drop(rows, said).accepted
    assert past.drop(rows, ["no" if said[0] == "yes" else "yes", *said[1:]]).accepted
    assert past.drop(rows[:99], said[:99]).accepted


def test_probabilities_of_each_class_are_read_as_the_likeliest(tmp_path: Path) -> None:
    past = Past(tmp_path, CLASSES, "string")
    rows, chances = past.rows(120), past.draws.random(120).tolist()
    past.answered(rows, [[1 - chance, chance] for chance in chances])
    assert not past.drop(rows, ["yes" if chance > 0.5 else "no" for chance in chances]).accepted


def test_what_is_no_answer_counts_for_nothing(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said, pinned=True)
    past.answered(rows, [None] * 60)
    past.answered(rows, said[:59])
    with (past.home / ANSWERED / "000001.jsonl").open("a") as file:
        file.write('{"v": 1, "rows": [{"AGE"')
    assert past.drop(rows, said).accepted


def test_where_nothing_was_answered_nothing_is_looked_for(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    assert past.drop(rows, said).accepted


def test_a_file_that_breaks_its_contract_is_refused_for_that(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    assert [problem.rule for problem in past.drop(rows, ["x", *said[1:]]).problems] == ["type"]


# Beside the drop, on arrival


def scored(rows: Sequence[Row], said: Sequence[object]) -> bytes:
    """A segment as the collector writes it."""
    line = {"v": 1, "status": 200, "pinned": False, "version": "1", "rows": rows, "predictions": said}
    return json.dumps(line).encode() + b"\n"


@pytest.fixture
def arrival(tmp_path: Path) -> tuple[World, dict[str, str]]:
    """A world with a version live, and what its check finds beside each drop."""
    beside: dict[str, str] = {}

    def checker(file: Path, _contract: Path) -> Verdict:
        beside.clear()
        beside.update({found.name: found.read_text() for found in (file.parent / ANSWERED).glob("*")})
        return Verdict(True, file.read_bytes().hex(), 100, ("X", "Y"))

    world = World(tmp_path, checker=checker)
    world.publish()
    world.settle()
    world.go_live()
    world.settle()
    return world, beside


def test_the_newest_segments_of_a_week_lie_beside_the_drop(arrival: tuple[World, dict[str, str]]) -> None:
    world, beside = arrival
    for day in ("2000/01/01", f"{world.now:%Y/%m/%d}"):
        world.blobs.drop("scored", f"m/{day}/00-0000000000.jsonl", scored([{"X": 1.0}], [2.0]))
    world.blobs.drop("scored", "m/labels/a.csv", b"request_id,label\n")
    world.drop("more rows")
    world.settle()
    assert sorted(beside) == ["000001.jsonl", "about.json"]
    assert json.loads(beside["about.json"])["target"] == "Y"


def test_no_more_is_fetched_than_there_is_room_for(arrival: tuple[World, dict[str, str]]) -> None:
    world, beside = arrival
    for number in range(3):
        world.blobs.drop("scored", f"m/{world.now:%Y/%m/%d}/0{number}.jsonl", bytes([48 + number]) * (MOST_BYTES // 2))
    world.drop("more rows")
    world.settle()
    assert [beside[name][0] for name in sorted(beside)[:-1]] == ["2", "1"]


def test_who_does_not_want_it_is_not_looked_at(arrival: tuple[World, dict[str, str]]) -> None:
    world, beside = arrival
    world.publish(closed="\n  own_output_percent: 100")
    world.settle()
    world.blobs.drop("scored", f"m/{world.now:%Y/%m/%d}/00.jsonl", scored([{"X": 1.0}], [2.0]))
    world.drop("more rows")
    world.settle()
    assert beside == {}


def test_a_drop_of_our_own_answers_opens_no_release_and_says_why(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT.replace("KIND", "number"))
    world = World(tmp_path, checker=lambda file, _: check(file, contract, answered=file.with_name(ANSWERED)))
    world.publish()
    world.settle()
    truth = np.random.default_rng(3).normal(150, 50, 60).tolist()
    world.go_live("ID,AGE,TOWN,Y\n" + "".join(f"{n},{n},Ulm,{y}\n" for n, y in enumerate(truth)))
    asked: list[Row] = [{"AGE": age, "TOWN": "Ulm"} for age in range(100, 160)]
    world.blobs.drop("scored", f"m/{world.now:%Y/%m/%d}/00.jsonl", scored(asked, truth))

    world.drop(
        "ID,AGE,TOWN,Y\n" + "".join(f"{n + 900},{n + 100}.0,Ulm,{y}\n" for n, y in enumerate(truth)), name="loop"
    )
    world.settle()

    assert (world.states(), world.head().next_file) == ({"m-0001": "live"}, 2)
    assert world.blobs.tags["incoming", "m/loop.csv"]["baton"] == "refused"
    (report,) = (blob for place, blob in world.blobs.blobs if place == "quarantine" and blob.endswith("report.json"))
    (problem,) = json.loads(world.blobs.read("quarantine", report))["problems"]
    assert problem["what"].startswith("60 of 60 rows (100.0 %) are what m was asked for")


def test_the_process_that_checks_a_drop_is_told_what_was_answered(past: Past) -> None:
    rows, said = past.rows(60), past.draws.normal(150, 50, 60).tolist()
    past.answered(rows, said)
    past.drop(rows, said)
    contract = past.home / "contract.yaml"
    contract.write_text(CONTRACT.replace("KIND", "number"))
    verdict = check_in_subprocess(
        past.home / "drop.csv", contract, memory_mb=1024, seconds=100, answered=past.home / ANSWERED
    )
    assert [problem.rule for problem in verdict.problems] == ["own_output"]
