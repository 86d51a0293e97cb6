"""Drops that are folders of parts: one verdict, one file, whatever order the events come in and wherever a process ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared import events, state
from shared.data.check import check
from shared.data.checking import KEPT, TooLarge
from shared.data.contract import parse_contract
from shared.data.verdict import Verdict
from shared.errors import SpecRefused
from shared.model_yaml.spec_file import load_spec
from shared.names import digest
from shared.runs.check_drop import check_drop
from shared.runs.materialise import Sources, materialise
from shared.runs.run_dir import RunDir
from tests.fakes.platform import Outcome
from tests.fakes.storage import MemoryNotifier
from tests.fakes.trapped import Call, Crash
from tests.world import World, spec_text

TEXT = """\
apiVersion: v3.1.0
kind: DataContract
id: rents
version: 1.0.0
schema:
  - name: rents
    properties:
      - {name: ID, logicalType: integer, primaryKey: true, primaryKeyPosition: 1}
      - {name: RENT, logicalType: number, required: true}
    quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 3}]
"""
CONTRACT = parse_contract(TEXT)
CLOSED = "\n  closed_by: {}"
ONE, TWO = "ID,RENT\n1,700\n2,810.5\n", "ID,RENT\n3,900\n4,1000\n"
MINUTE = timedelta(minutes=1)
WHOLE = {"part-00000.csv": ONE, "part-00001.csv": TWO}
ACCEPTED = b'"ID","RENT"\n"1","700"\n"2","810.5"\n"3","900"\n"4","1000"\n'


def by_contract(drop: Path, contract: Path) -> Verdict:
    """The real check, in this process."""
    keep = drop.with_name(KEPT)
    keep.mkdir(exist_ok=True)
    return check(drop, CONTRACT, keep=keep)


def opened(home: Path, closed_by: str = "_SUCCESS", **more: int) -> World:
    world = World(home, checker=by_contract, **more)  # type: ignore[arg-type]
    world.notifier = MemoryNotifier()
    world.restart()
    world.publish(closed=CLOSED.format(closed_by))
    world.settle()
    return world


@pytest.fixture
def world(tmp_path: Path) -> World:
    return opened(tmp_path)


def write(world: World, name: str, content: str | bytes = "", *, tells: bool = True) -> None:
    """A writer writes a blob below incoming/m/; its event comes, unless it is lost."""
    body = content.encode() if isinstance(content, str) else content
    etag = world.blobs.drop("incoming", f"m/{name}", body)
    if tells:
        world.app.intake.receive(world.blob_created(f"m/{name}", etag, len(body)))


def write_all(world: World, parts: Mapping[str, str], *, folder: str = "run", closer: str = "") -> None:
    for name, content in parts.items():
        write(world, f"{folder}/{name}", content)
    write(world, f"{folder}/_SUCCESS", closer)
    world.settle()


def told(world: World, name: str = "run/_SUCCESS") -> tuple[str, str]:
    """The verdict that stands on a blob, and what the report says of the first problem."""
    tags = world.blobs.tags.get(("incoming", f"m/{name}"), {})
    if "report" not in tags:
        return tags.get("baton", ""), ""
    container, _, page = tags["report"].partition("/")
    problems = json.loads(world.blobs.read(container, page.replace(".html", ".json")))["problems"]
    return tags["baton"], problems[0]["what"] if problems else ""


def files(world: World) -> list[tuple[int, str, int]]:
    return [(file.number, file.blob, file.rows) for file in world.app.book.files("m", 99)]


def messages(world: World) -> list[str]:
    assert isinstance(world.notifier, MemoryNotifier)
    return [message.what for message in world.notifier.told.values()]


def test_parts_wait_and_the_marker_makes_one_file_of_them(world: World) -> None:
    for name, content in reversed(WHOLE.items()):
        write(world, f"run/{name}", content)
    world.settle()
    assert (files(world), told(world, "run/part-00000.csv"), world.states()) == ([], ("", ""), {})
    write(world, "run/_SUCCESS")
    world.settle()
    (file,) = world.app.book.files("m", 9)
    assert files(world) == [(1, "incoming/m/run/_SUCCESS", 4)]
    assert world.blobs.read("datasets", file.stored) == ACCEPTED
    assert told(world) == ("accepted", "")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 1), (2,)])
def test_late_lost_and_repeated_events_change_nothing(world: World, order: tuple[int, ...]) -> None:
    names = [*WHOLE, "_SUCCESS"]
    for name in names:
        write(world, f"run/{name}", WHOLE.get(name, ""), tells=False)
    for place in (*order, *order):
        seen = world.blobs.look("incoming", f"m/run/{names[place]}")
        assert seen
        world.app.intake.receive(world.blob_created(seen.name, seen.etag, seen.size, delivery=str(place)))
        world.settle()
    world.wait(MINUTE)
    assert (files(world), told(world)[0]) == ([(1, "incoming/m/run/_SUCCESS", 4)], "accepted")
    assert "drop refused" not in messages(world)
    assert told(world, "run/part-00001.csv")[0] in ("", "checking")


def test_a_marker_before_its_parts_waits_for_them_a_moment(world: World) -> None:
    write(world, "run/_SUCCESS")
    world.settle()
    for name, content in WHOLE.items():
        write(world, f"run/{name}", content)
    world.wait(timedelta(seconds=10), step=timedelta(seconds=5))
    assert told(world) == ("accepted", "")


def test_a_folder_without_a_part_is_refused_and_may_be_closed_again(world: World) -> None:
    write(world, "run/_SUCCESS")
    world.wait(2 * MINUTE, step=timedelta(seconds=10))
    assert told(world) == ("refused", "the folder holds no part")
    write_all(world, WHOLE)
    assert told(world) == ("accepted", "")


def test_what_spark_writes_beside_the_parts_is_not_read_and_the_report_says_so(world: World) -> None:
    beside = {"_started_17": "{}", "_committed_17": "{}", ".part-00000.csv.crc": "x"}
    write_all(world, {**WHOLE, **beside})
    container, _, page = world.blobs.tags["incoming", "m/run/_SUCCESS"]["report"].partition("/")
    assert files(world) == [(1, "incoming/m/run/_SUCCESS", 4)]
    report = world.blobs.read(container, page).decode()
    assert "2 parts read as one drop, closed by _SUCCESS" in report
    assert ".part-00000.csv.crc, _committed_17, _started_17" in report


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({**WHOLE, "part-2.csv": "ID,RENT\n4,1\n"}, "ID: 1 of 5 values is there in an earlier row already (row 5); in part-2.csv row 1"),
        ({**WHOLE, "part-2.csv": "ID,RENT\n5,x\n"}, "RENT: 1 of 5 values is not a number (row 5); in part-2.csv row 1"),
        ({**WHOLE, "part-2.csv": "ID\n5\n"}, "part part-2.csv: it lacks column RENT, which part-00000.csv has"),
        ({**WHOLE, "part-2.csv": "5,1\n"}, "part part-2.csv: the first line names no column of the contract"),
        ({**WHOLE, "part-2.parquet": "PAR1 cut off"}, "part part-2.parquet: the file cannot be read to its end"),
        ({"part-0.csv": ONE}, "the file has 2 rows, must be at least 3"),
        ({**WHOLE, "date=2026-01-01/part-2.csv": ONE}, "1 file lies in folders of the folder, which are not all partitions"),
        ({**WHOLE, "more/part-2.csv": ONE}, "1 file lies in folders of the folder"),
        ({**WHOLE, "_delta_log/0.json": "{}"}, "the folder is a Delta table"),
        ({**WHOLE, "_started_17": "", "part-2-tid-17-x.csv": "ID,RENT\n5,1\n"}, "1 part of a write that was begun and never committed"),
        ({"a.csv": "", "b.csv": ""}, "2 parts of no bytes"),
    ],
)  # fmt: skip
def test_a_folder_is_refused_as_a_whole_with_the_part_named(world: World, parts: dict[str, str], why: str) -> None:
    write_all(world, parts)
    world.wait(2 * MINUTE)
    verdict, what = told(world)
    assert (verdict, files(world)) == ("refused", [])
    assert what.startswith(why)


def test_parts_of_other_kinds_become_the_same_file(world: World) -> None:
    table = pa.table({"RENT": [900.0, 1000.0], "ID": pa.array([3, 4], pa.int32())})
    pq.write_table(table, world.home / "p.parquet")
    write(world, "run/a.jsonl", '{"ID": 1, "RENT": 700}\n{"RENT": 810.5, "ID": 2}\n')
    write(world, "run/b.parquet", (world.home / "p.parquet").read_bytes())
    write(world, "run/_SUCCESS")
    world.settle()
    (file,) = world.app.book.files("m", 9)
    assert world.blobs.read("datasets", file.stored) == ACCEPTED


def test_the_same_content_again_adds_nothing(world: World) -> None:
    write_all(world, WHOLE)
    write_all(world, {})  # the marker alone
    write_all(world, {"other-0.csv": ONE, "other-1.csv": TWO}, folder="copy")
    assert files(world) == [(1, "incoming/m/run/_SUCCESS", 4)]
    assert told(world, "copy/_SUCCESS")[0] == "accepted"


def test_a_folder_that_nobody_closes_is_told_after_a_day_and_once(world: World) -> None:
    write(world, "run/part-00000.csv", ONE)
    world.settle()
    assert world.head().wake_at == world.now + timedelta(hours=24)
    world.wait(timedelta(hours=60), step=timedelta(hours=1))
    assert messages(world).count("folder left open") == 1
    write_all(world, WHOLE)
    assert told(world) == ("accepted", "")
    world.wait(timedelta(hours=60), step=timedelta(hours=1))
    assert messages(world).count("folder left open") == 1


def test_a_pause_is_no_time_in_which_a_folder_could_be_closed(world: World) -> None:
    write(world, "run/part-00000.csv", ONE)
    world.settle()
    world.ask(events.PauseRequested)
    world.settle()
    world.now += timedelta(hours=30)
    world.ask(events.ResumeRequested)
    world.wait(timedelta(hours=20), step=timedelta(hours=1))
    assert "folder left open" not in messages(world)
    world.wait(timedelta(hours=6), step=timedelta(hours=1))
    assert "folder left open" in messages(world)


def test_of_many_open_folders_the_head_watches_the_newest(world: World) -> None:
    for number in range(25):
        write(world, f"run-{number:02d}/{'x' * 200}/part-0.csv", ONE)
    world.settle()
    assert len(world.head().open) == 20
    assert len(state.dumps(world.head())) < 16 * 1024
    world.wait(timedelta(hours=25), step=timedelta(hours=1))
    assert messages(world).count("folder left open") == 20


def test_a_folder_that_was_accepted_and_closed_again_with_more_parts_is_refused(world: World) -> None:
    write_all(world, WHOLE)
    write_all(world, {"part-00002.csv": "ID,RENT\n5,1\n"})
    assert told(world) == ("refused", "2 of 3 parts were read as file 1 before: their rows would count twice")
    assert files(world) == [(1, "incoming/m/run/_SUCCESS", 4)]


def test_a_folder_that_was_written_over_as_a_whole_is_a_new_drop(world: World) -> None:
    write_all(world, WHOLE)
    for name in list(world.blobs.names("incoming", "m/run/")):
        world.blobs.remove("incoming", name)
    write_all(world, {"part-9.csv": "ID,RENT\n7,1\n8,2\n9,3\n"})
    assert [number for number, _, _ in files(world)] == [1, 2]


def test_a_part_that_comes_after_its_folder_was_accepted_is_told(world: World) -> None:
    write_all(world, WHOLE)
    write(world, "run/part-00002.csv", "ID,RENT\n5,1\n")
    world.wait(MINUTE)
    verdict, why = told(world, "run/part-00002.csv")
    assert (verdict, files(world)) == ("refused", [(1, "incoming/m/run/_SUCCESS", 4)])
    assert why == "it came after its folder incoming/m/run was closed: its rows are in no dataset version"
    assert messages(world).count("drop refused") == 1


def test_a_refused_folder_is_mended_part_by_part_and_closed_again(world: World) -> None:
    write_all(world, {**WHOLE, "part-00001.csv": "ID,RENT\n3,\n"})
    assert told(world)[0] == "refused"
    write(world, "run/part-00001.csv", TWO)
    world.wait(MINUTE)
    assert told(world, "run/part-00001.csv") == ("", "")
    write(world, "run/_SUCCESS")
    world.settle()
    assert told(world) == ("accepted", "")


def test_a_part_that_is_written_over_while_the_folder_is_read_refuses_it(world: World) -> None:
    def trap(when: str, call: Call) -> None:
        if when == "before" and call.method == "fetch" and call.given[1] == "m/run/part-00001.csv":
            world.trap = lambda when, call: None
            world.blobs.drop("incoming", "m/run/part-00001.csv", b"other")

    world.trap = trap
    write_all(world, WHOLE)
    assert told(world) == ("refused", "part part-00001.csv was overwritten after its folder was closed")


def test_a_file_that_lies_in_no_folder_is_a_drop_as_ever(world: World) -> None:
    write(world, "a.csv", ONE + "3,1\n")
    write(world, "_SUCCESS")
    write(world, "_committed_1")
    world.settle()
    assert [blob for _, blob, _ in files(world)] == ["incoming/m/a.csv"]
    assert world.blobs.tags.get(("incoming", "m/_SUCCESS")) is None


def listed(**other: object) -> str:
    parts = [{"name": name, "bytes": len(text), "sha256": digest(text)} for name, text in WHOLE.items()]
    return json.dumps({"parts": [{**parts[0], **other}, parts[1]]})


def with_manifest(home: Path, manifest: str, parts: Mapping[str, str] = WHOLE) -> World:
    world = opened(home, "manifest.json")
    for name, content in parts.items():
        write(world, f"run/{name}", content)
    write(world, "run/manifest.json", manifest)
    world.wait(2 * MINUTE)
    return world


def test_a_manifest_says_which_parts_are_read(tmp_path: Path) -> None:
    world = with_manifest(tmp_path, listed(), {**WHOLE, "left-over.csv": "ID,RENT\n9,9\n"})
    assert files(world) == [(1, "incoming/m/run/manifest.json", 4)]
    assert told(world, "run/manifest.json") == (
        "accepted",
        "manifest.json does not list 1 file of the folder: not read",
    )


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (listed(bytes=3), f"part part-00000.csv has {len(ONE)} bytes, manifest.json says 3"),
        (listed(sha256="ab"), f"part part-00000.csv has the hash {digest(ONE)[:16]}, manifest.json says ab"),
        (listed(name="part-7.csv"), "part part-7.csv, which manifest.json lists, is not there"),
        (listed(name="../other/a.csv"), "manifest.json lists '../other/a.csv', which is no part of the folder"),
        (listed(name="part-00001.csv"), "manifest.json lists 'part-00001.csv', which is no part of the folder, or stands there twice"),
        ("{}", "manifest.json lists no parts in the form that is read"),
        ('{"parts": []}', "the folder holds no part"),
    ],
)  # fmt: skip
def test_what_a_manifest_promises_must_hold(tmp_path: Path, manifest: str, why: str) -> None:
    verdict, what = told(with_manifest(tmp_path, manifest), "run/manifest.json")
    assert verdict == "refused"
    assert what.startswith(why)


def test_a_crash_at_any_call_makes_one_file_of_the_folder(tmp_path: Path) -> None:
    """The process ends before or after each call of blob storage in turn; a part is added meanwhile, which changes nothing."""
    counted = _crashed(tmp_path / "count", "after", 10_000)
    assert counted > 10
    for when in ("before", "after"):
        for crash_at in range(1, counted + 1):
            _crashed(tmp_path / f"{when}{crash_at}", when, crash_at)


def _crashed(home: Path, when: str, crash_at: int) -> int:
    world, calls = opened(home), 0

    def trap(moment: str, call: Call) -> None:
        nonlocal calls
        if call.role != "blobs":
            return
        calls += moment == "before"
        if moment == when and calls == crash_at:
            raise Crash

    world.trap = trap
    try:
        write_all(world, WHOLE)
    except Crash:
        is_listed = [name for name in world.blobs.names("datasets", "m/folders/") if "closed-" in name]
        if is_listed:
            write(world, "run/part-7.csv", "ID,RENT\n7,7\n", tells=False)
        world.restart()
        world.wait(5 * MINUTE)
    assert files(world) == [(1, "incoming/m/run/_SUCCESS", 4)]
    assert told(world) == ("accepted", "")
    return calls


def test_forgetting_the_file_erases_its_parts(world: World) -> None:
    write_all(world, WHOLE)
    (file,) = world.app.book.files("m", 9)
    world.blobs.drop("incoming", "m/run/part-00001.csv", b"somebody else's")
    world.ask(events.ForgetRequested, erase={"files": [file.sha256]})
    world.settle()
    left = list(world.blobs.names("incoming", "m/run/"))
    assert left == ["m/run/_SUCCESS", "m/run/part-00001.csv"]
    assert not any(ONE.splitlines()[1].encode() in content for content, _ in world.blobs.blobs.values())
    assert list(world.blobs.names("reports", "m/drops/")) == []


def test_a_large_folder_is_checked_by_a_run_with_the_same_answer(tmp_path: Path) -> None:
    world = opened(tmp_path, inline_limit=len(ONE))
    world.trainer.script["m-k-1"] = Outcome("running")
    write_all(world, WHOLE)
    (run,) = (run for run in world.trainer.started if run.step == "check")
    here = tmp_path / "run" / "inputs"
    here.mkdir(parents=True)
    (here / "folder").mkdir()
    (here / "folder" / "contract.yaml").write_text(TEXT)
    materialise(run, here, sources=Sources(world.blobs, lambda run, into: None, lambda: world.registry))
    spec = load_spec(spec_text(closed=CLOSED.format("_SUCCESS")))
    world.trainer.script["m-k-1"] = Outcome(result=check_drop(RunDir(tmp_path / "run", run), spec, blobs=world.blobs))
    world.wait(MINUTE)
    (file,) = world.app.book.files("m", 9)
    assert (files(world), world.blobs.read("datasets", file.stored)) == ([(1, "incoming/m/run/_SUCCESS", 4)], ACCEPTED)


def test_a_folder_whose_parts_unpack_to_too_much_is_checked_by_a_run(tmp_path: Path) -> None:
    def unpacks(drop: Path, contract: Path) -> Verdict:
        raise TooLarge(drop.name)

    world = opened(tmp_path)
    world.checker = unpacks
    world.restart()
    world.trainer.script["m-k-1"] = Outcome("running")
    write_all(world, WHOLE)
    (run,) = (run for run in world.trainer.started if run.step == "check")
    assert run.inputs["drop"].endswith(":incoming/m/run/_SUCCESS")
    world.trainer.script["m-k-1"] = Outcome(result={"verdict": Verdict(True, "ab" * 32, 4, ("ID", "RENT")).to_dict()})
    world.wait(MINUTE)
    assert (files(world), told(world)) == ([(1, "incoming/m/run/_SUCCESS", 4)], ("accepted", ""))


@pytest.mark.parametrize("closed_by", ["a/b", "*", ".hidden"])
def test_what_closes_a_folder_is_the_name_of_a_file(closed_by: str) -> None:
    with pytest.raises(SpecRefused, match="like _SUCCESS"):
        load_spec(spec_text(closed=f"\n  closed_by: '{closed_by}'"))


def test_one_name_closes_no_folder_and_batch_alike() -> None:
    with pytest.raises(SpecRefused, match=r"another name than data\.batch\.marker"):
        load_spec(spec_text(closed=CLOSED.format("_SUCCESS"), files="0, marker: _SUCCESS", quiet=3600))


def test_forgetting_a_refused_folder_erases_its_parts_where_they_still_lie(world: World) -> None:
    write_all(world, {**WHOLE, "part-00002.csv": "ID,RENT\n5,x\n"})
    world.blobs.drop("incoming", "m/run/part-00001.csv", b"somebody else's")
    kept = list(world.blobs.names("quarantine", "m/"))
    assert len(kept) == 5  # three parts and two reports
    world.ask(events.ForgetRequested, erase={"quarantine": [kept[0].rsplit("/", 1)[0]]})
    world.settle()
    assert list(world.blobs.names("incoming", "m/run/")) == ["m/run/_SUCCESS", "m/run/part-00001.csv"]
    assert list(world.blobs.names("quarantine", "m/")) == []
