"""Pinned versions, and forgetting: bytes go everywhere, what vouches for the rest stays, a crash loses nothing of it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from shared import events
from shared.data.versions import read_manifest
from shared.names import digest
from tests.fakes.trapped import Call, Crash
from tests.world import World, evidence

PERSON = "Erna Mustermann"


@pytest.fixture
def live(world: World) -> World:
    """m-0001 serves, trained on one file that names a person."""
    world.go_live(f"rows of {PERSON}")
    return world


def forget(world: World, content: str, **more: list[str]) -> None:
    world.ask(events.ForgetRequested, erase={"files": [digest(content)], **more})


def everything(world: World) -> bytes:
    """All bytes that storage holds, and all rows of the ledger."""
    blobs = b"".join(content for content, _ in world.blobs.blobs.values())
    blobs += b"".join(content for states in world.blobs.earlier.values() for content in states)
    return blobs + "".join(body for body, _ in world.table.rows.values()).encode()


def manifest(world: World, release: str) -> tuple[list[tuple[int, bool]], list[tuple[int, str]]]:
    name = world.release(release).manifest
    found = read_manifest(world.blobs.read("datasets", name), name=name)
    return [(file.number, file.new) for file in found.files], [(file.number, file.why) for file in found.dropped]


def test_what_was_forgotten_is_nowhere_any_more(live: World) -> None:
    assert PERSON.encode() in everything(live)
    forget(live, f"rows of {PERSON}")
    live.settle()
    assert PERSON.encode() not in everything(live)


def test_a_tombstone_says_who_when_and_why_and_the_manifest_still_holds(live: World) -> None:
    forget(live, f"rows of {PERSON}")
    live.settle()
    sha256 = digest(f"rows of {PERSON}")
    stone = json.loads(live.blobs.read("datasets", f"m/tombstones/{sha256}.json"))
    assert (stone["sha256"], stone["by"], stone["why"], stone["rows"]) == (sha256, "operations", "because", 100)
    assert manifest(live, "m-0001") == ([(1, True)], [])


def test_the_next_version_is_cut_without_it_and_says_so(live: World) -> None:
    forget(live, f"rows of {PERSON}")
    live.settle()
    live.trainer.script["judge"] = evidence(2500.0, 3000.0)
    live.drop("other rows")
    live.settle()
    assert manifest(live, "m-0002") == ([(2, True)], [(1, "forgotten")])


def test_the_same_bytes_dropped_again_are_refused_and_kept_nowhere(live: World) -> None:
    forget(live, f"rows of {PERSON}")
    live.settle()
    live.drop(f"rows of {PERSON}", name="again")
    live.settle()
    assert live.blobs.tags["incoming", "m/again.csv"]["baton"] == "refused"
    kept = [name for name, (content, _) in live.blobs.blobs.items() if PERSON.encode() in content]
    assert kept == [("incoming", "m/again.csv")]  # what a sender wrote is the sender's


def test_a_drop_that_was_written_over_since_stays(live: World) -> None:
    blob = next(name for container, name in live.blobs.blobs if container == "incoming")
    live.blobs.drop("incoming", blob, b"somebody else's")
    forget(live, f"rows of {PERSON}")
    live.settle()
    assert live.blobs.read("incoming", blob) == b"somebody else's"


def test_of_a_drop_that_was_written_over_no_earlier_version_stays(live: World) -> None:
    blob = next(name for container, name in live.blobs.blobs if container == "incoming")
    live.blobs.drop("incoming", blob, b"somebody else's")
    forget(live, f"rows of {PERSON}")
    live.settle()
    assert PERSON.encode() not in everything(live)


def test_of_a_drop_that_its_sender_took_away_no_earlier_version_stays(live: World) -> None:
    blob = next(name for container, name in live.blobs.blobs if container == "incoming")
    content, _ = live.blobs.blobs.pop(("incoming", blob))
    live.blobs.earlier["incoming", blob] = [content]
    forget(live, f"rows of {PERSON}")
    live.settle()
    assert PERSON.encode() not in everything(live)


def test_quarantine_and_collected_requests_are_forgotten_by_name(live: World) -> None:
    live.drop(f"bad rows of {PERSON}")
    live.settle()
    place = next(name.rsplit("/", 1)[0] for container, name in live.blobs.blobs if container == "quarantine")
    live.blobs.drop("scored", "m/2026/03/01/12-1.jsonl", PERSON.encode())
    live.blobs.drop("scored", "m/2026/03/01/13-1.jsonl", b"others")
    forget(live, f"rows of {PERSON}", quarantine=[place], scored=["m/2026/03/01/12-1.jsonl"])
    live.settle()
    assert PERSON.encode() not in everything(live)
    assert live.blobs.read("scored", "m/2026/03/01/13-1.jsonl") == b"others"


@pytest.mark.parametrize("name", ["other/2026/1.jsonl", "m/../other/1.jsonl"])
def test_what_belongs_to_another_model_is_not_erased(live: World, name: str) -> None:
    live.blobs.drop("scored", name, b"theirs")
    live.ask(events.ForgetRequested, erase={"scored": [name]})
    live.settle()
    assert live.blobs.read("scored", name) == b"theirs"
    assert live.head().dead == 1


def test_asked_twice_it_is_forgotten_once_and_nothing_fails(live: World) -> None:
    forget(live, f"rows of {PERSON}")
    live.settle()
    live.now += timedelta(seconds=1)
    forget(live, f"rows of {PERSON}")
    live.settle()
    assert live.head().dead == 0
    assert PERSON.encode() not in everything(live)


def test_a_crash_between_any_two_deletions_leaves_nothing_behind(tmp_path: Path) -> None:
    """The process dies before or after each call in turn; the next one goes on once the lease is over."""
    counted = _crashed(tmp_path / "count", "after", 10_000)
    assert counted >= 4  # the file, its two reports, the drop
    for when in ("before", "after"):
        for crash_at in range(1, counted + 1):
            _crashed(tmp_path / f"{when}{crash_at}", when, crash_at)


def _crashed(home: Path, when: str, crash_at: int) -> int:
    """Forget with a crash at the `crash_at`-th removal; returns how many there were. All must be erased in the end."""
    world = World(home)
    world.publish()
    world.settle()
    world.drop(f"rows of {PERSON}")
    world.settle()
    removals = 0

    def trap(moment: str, call: Call) -> None:
        nonlocal removals
        removals += moment == "before" and call.method == "remove"
        if moment == when and call.method == "remove" and removals == crash_at:
            raise Crash

    forget(world, f"rows of {PERSON}")
    world.trap = trap
    try:
        world.settle()
    except Crash:
        assert world.blobs.look("datasets", f"m/tombstones/{digest(f'rows of {PERSON}')}.json")
        world.restart()
    world.wait(timedelta(minutes=5))
    assert PERSON.encode() not in everything(world)
    return removals


def test_a_file_that_is_forgotten_while_it_is_checked_again_is_not_kept(live: World) -> None:
    """It is asked and done between the check's write and its look."""

    def trap(moment: str, call: Call) -> None:
        if (moment, call.method, call.given[:1]) == ("before", "put", ("datasets",)):
            live.trap = lambda when, other: None
            forget(live, f"rows of {PERSON}")
            live.app.fold.advance("m")
            live.app.performer.perform("m", up_to=4)

    live.drop(f"rows of {PERSON}", name="again")
    live.app.fold.advance("m")
    live.trap = trap
    live.settle()
    assert live.blobs.look("datasets", f"m/files/{digest(f'rows of {PERSON}')}.csv") is None


def test_a_pinned_version_is_what_the_next_retrain_reads_and_only_that(live: World) -> None:
    live.trainer.script["judge"] = evidence(2500.0, 3000.0)
    live.drop("more rows")
    live.settle()
    live.ask(events.VersionPinned, manifest=live.release("m-0001").manifest, files=1)
    live.settle()
    for _ in range(2):
        live.now += timedelta(seconds=1)
        live.ask(events.RetrainRequested)
        live.settle()
    pinned, after = live.release("m-0003"), live.release("m-0004")
    assert pinned.manifest == live.release("m-0001").manifest
    assert after.manifest == live.release("m-0002").manifest
    assert live.head().pinned == ""


def test_data_that_comes_while_a_version_is_pinned_is_new_in_a_version_of_its_own(live: World) -> None:
    live.trainer.script["judge"] = evidence(2500.0, 3000.0)
    first = live.release("m-0001").manifest
    live.ask(events.PauseRequested)
    live.settle()
    live.ask(events.VersionPinned, manifest=first, files=1)
    live.ask(events.RetrainRequested)
    live.drop("more rows")
    live.settle()
    live.ask(events.ResumeRequested)
    live.settle()
    assert live.release("m-0002").manifest == first
    assert [cause.kind for cause in live.release("m-0002").causes] == ["request"]
    assert manifest(live, "m-0003") == ([(1, False), (2, True)], [])


def test_a_pin_is_taken_off_again(live: World) -> None:
    live.ask(events.VersionPinned, manifest=live.release("m-0001").manifest, files=1)
    live.settle()
    live.ask(events.VersionPinned, manifest="")
    live.settle()
    assert (live.head().pinned, live.head().pinned_files) == ("", 0)
