"""The audit finds one line that was changed, is missing, was moved or added, and says which, wherever it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from shared.journaling.audit import Entry, Fault, first_fault
from shared.journaling.inspection import Witness
from tests.keeping import keeper_of, put, remove, with_history
from tests.world import World

Lines = list[str]
Change = Callable[[Lines, int], Lines]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def chain(count: int) -> Lines:
    """A journal written by hand: each line names its number and the hash of the one before."""
    lines: Lines = []
    for number in range(1, count + 1):
        lines.append(json.dumps({"n": number, "prev": sha(lines[-1]) if lines else "", "why": f"because {number}"}))
    return lines


def changed(lines: Lines, at: int) -> Lines:
    return [*lines[:at], lines[at].replace("because", "although"), *lines[at + 1 :]]


def continuing_another(lines: Lines, at: int) -> Lines:
    return [*lines[:at], json.dumps({**json.loads(lines[at]), "prev": "0" * 64}), *lines[at + 1 :]]


def numbered_anew(lines: Lines, at: int) -> Lines:
    other = 3 if at != 2 else 7
    return [*lines[:at], json.dumps({**json.loads(lines[at]), "n": other}), *lines[at + 1 :]]


def garbled(lines: Lines, at: int) -> Lines:
    return [*lines[:at], "\x00", *lines[at + 1 :]]


def missing(lines: Lines, at: int) -> Lines:
    return [*lines[:at], *lines[at + 1 :]]


def moved(lines: Lines, at: int) -> Lines:
    """Swapped with the next one, the last with the one before."""
    at = min(at, len(lines) - 2)
    return [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]


def added(lines: Lines, at: int) -> Lines:
    """A line of its own that follows the one before as it should."""
    new = json.dumps({"n": at + 1, "prev": sha(lines[at - 1]) if at else "", "why": "forged"})
    return [*lines[:at], new, *lines[at:]]


def repeated(lines: Lines, at: int) -> Lines:
    return [*lines[: at + 1], lines[at], *lines[at + 1 :]]


def fault_of(lines: Lines, whole: Lines) -> Fault | None:
    entries = [Entry(f"place {number}", text) for number, text in enumerate(lines, start=1)]
    return first_fault(entries, last=len(whole), hash=sha(whole[-1]))


def test_a_whole_journal_has_no_fault() -> None:
    assert fault_of(chain(9), chain(9)) is None
    assert fault_of(chain(1), chain(1)) is None
    assert first_fault([], last=0, hash="") is None


@pytest.mark.parametrize("at", [0, 1, 4, 7, 8])
@pytest.mark.parametrize("change", [changed, continuing_another, numbered_anew, garbled])
def test_a_changed_line_is_named(change: Change, at: int) -> None:
    fault = fault_of(change(chain(9), at), chain(9))
    assert fault is not None
    assert (fault.what, fault.line, fault.place) == ("changed", at + 1, f"place {at + 1}")


@pytest.mark.parametrize("at", [0, 1, 4, 7, 8])
def test_a_missing_line_is_named_with_the_hash_that_it_had(at: int) -> None:
    fault = fault_of(missing(chain(9), at), chain(9))
    assert fault is not None
    assert (fault.what, fault.line) == ("missing", at + 1)
    assert sha(chain(9)[at])[:16] in fault.expected


@pytest.mark.parametrize("at", [0, 1, 4, 7, 8])
def test_a_moved_line_is_named(at: int) -> None:
    fault = fault_of(moved(chain(9), at), chain(9))
    assert fault is not None
    assert (fault.what, fault.line) == ("reordered", min(at, 7) + 1)


@pytest.mark.parametrize("at", [0, 1, 4, 7, 8, 9])
def test_an_added_line_is_named(at: int) -> None:
    fault = fault_of(added(chain(9), at), chain(9))
    assert fault is not None
    assert (fault.what, fault.line, fault.place) == ("added", at + 1, f"place {at + 1}")


@pytest.mark.parametrize("at", [0, 4, 8])
def test_a_line_that_stands_twice_is_added(at: int) -> None:
    fault = fault_of(repeated(chain(9), at), chain(9))
    assert fault is not None
    assert (fault.what, fault.line, fault.place) == ("added", at + 1, f"place {at + 2}")


@pytest.mark.parametrize("left", [0, 1, 5, 8])
def test_a_cut_off_end_is_missing_from_its_first_line_on(left: int) -> None:
    fault = fault_of(chain(9)[:left], chain(9))
    assert fault is not None
    assert (fault.what, fault.line) == ("missing", left + 1)


def test_an_end_that_was_written_anew_is_changed_by_the_heads_hash() -> None:
    fault = fault_of([*chain(8), changed(chain(9), 8)[8]], chain(9))
    assert fault is not None
    assert (fault.what, fault.line) == ("changed", 9)


# The same in storage


@pytest.fixture
def kept(world: World) -> World:
    """A model with closed segments and lines in the table."""
    return with_history(world)


def inspect(world: World, *witnesses: Witness) -> Fault | None:
    return keeper_of(world).inspector.inspect("m", witnesses).fault


def segment(world: World, number: int) -> tuple[tuple[str, str], Lines]:
    names = sorted(name for container, name in world.blobs.blobs if container == "journal")
    key = ("journal", names[number])
    return key, world.blobs.blobs[key][0].decode().splitlines()


def write(world: World, key: tuple[str, str], lines: Lines) -> None:
    world.blobs.drop(*key, "".join(f"{line}\n" for line in lines).encode())


def row_keys(world: World) -> list[str]:
    return [row.key for row in world.table.page("m", "journal:", "journal:~", 1000)]


def test_what_was_never_touched_holds_in_segments_and_table(kept: World) -> None:
    found = keeper_of(kept).inspector.inspect("m")
    assert found.fault is None
    assert len(found.segments) > 2
    assert found.in_table > 3
    assert found.lines == kept.head().next_line - 1


@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize("at", [1, 3, -1])
@pytest.mark.parametrize(
    ("change", "what"), [("changed", "changed"), ("missing", "missing"), ("moved", "reordered"), ("added", "added")]
)
def test_a_segments_line_is_named_with_its_segment(kept: World, change: str, what: str, which: int, at: int) -> None:
    key, lines = segment(kept, which)
    at = at % len(lines)
    number = json.loads(lines[at])["n"]
    if change == "changed":
        lines[at] = lines[at].replace('"v":', '"v": ')
    elif change == "missing":
        del lines[at]
    elif change == "moved":
        at = min(at, len(lines) - 2)
        number = json.loads(lines[at])["n"]
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    else:
        lines.insert(at, json.dumps({**json.loads(lines[at]), "why": "forged"}))
    write(kept, key, lines)
    fault = inspect(kept)
    assert fault is not None
    assert (fault.what, fault.line) == (what, number)
    assert key[1] in fault.place or what == "missing"


@pytest.mark.parametrize("at", [0, 2, -1])
@pytest.mark.parametrize("what", ["changed", "missing", "reordered", "added"])
def test_a_table_rows_line_is_named_with_its_row(kept: World, what: str, at: int) -> None:
    keys = row_keys(kept)
    key = keys[at]
    number = int(key.removeprefix("journal:"))
    row = kept.table.get("m", key)
    assert row is not None
    if what == "changed":
        put(kept, key, row.body.replace('"v":', '"v": '))
    elif what == "missing":
        remove(kept, key)
    elif what == "reordered":
        at = len(keys) - 2 if at == -1 else at
        key, other = keys[at], keys[at + 1]
        number = int(key.removeprefix("journal:"))
        bodies = [kept.table.get("m", one).body for one in (key, other)]  # type: ignore[union-attr]
        put(kept, key, bodies[1])
        put(kept, other, bodies[0])
    else:
        key = f"{key}x" if at != -1 else f"journal:{number + 1:012d}"
        number += at == -1
        put(kept, key, json.dumps({**json.loads(row.body), "n": number, "why": "forged"}))
    fault = inspect(kept)
    assert fault is not None
    assert (fault.what, fault.line) == (what, number)
    assert key in fault.place or what == "missing"


def test_a_segment_that_is_gone_is_missing_from_its_first_line_on(kept: World) -> None:
    key, lines = segment(kept, 1)
    del kept.blobs.blobs[key]
    fault = inspect(kept)
    assert fault is not None
    assert (fault.what, fault.line) == ("missing", json.loads(lines[1])["n"])


def test_a_segments_own_head_that_was_changed_is_noticed(kept: World) -> None:
    key, lines = segment(kept, 1)
    lines[0] = json.dumps({**json.loads(lines[0]), "before": "0" * 64})
    write(kept, key, lines)
    fault = inspect(kept)
    assert fault is not None
    assert (fault.what, key[1] in fault.place) == ("changed", True)


def test_a_journal_that_was_written_anew_with_its_head_is_found_by_a_hash_outside(kept: World) -> None:
    keys = row_keys(kept)
    number = int(keys[-1].removeprefix("journal:"))
    row = kept.table.get("m", keys[-1])
    head = kept.table.get("m", "!0head")
    assert row is not None
    assert head is not None
    forged = row.body.replace('"v":', '"v": ')
    put(kept, keys[-1], forged)
    put(kept, "!0head", head.body.replace(sha(row.body), sha(forged)))
    assert inspect(kept) is None
    fault = inspect(kept, Witness(number, sha(row.body)[:16], "the log"))
    assert fault is not None
    assert (fault.what, fault.line) == ("changed", number)
    assert "the log" in fault.expected


def test_a_journal_that_was_cut_off_with_its_head_is_found_by_a_hash_outside(kept: World) -> None:
    keys = row_keys(kept)
    number = int(keys[-1].removeprefix("journal:"))
    last, before = (kept.table.get("m", key).body for key in (keys[-1], keys[-2]))  # type: ignore[union-attr]
    head = json.loads(kept.table.get("m", "!0head").body)  # type: ignore[union-attr]
    head["head"] |= {"next_line": number, "line_hash": sha(before)}
    remove(kept, keys[-1])
    put(kept, "!0head", json.dumps(head))
    assert inspect(kept) is None
    fault = inspect(kept, Witness(number, sha(last), "an approval"))
    assert fault is not None
    assert (fault.what, fault.line) == ("missing", number)
