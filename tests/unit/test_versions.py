"""Dataset versions: named by their content, whatever the order; who, when and which files were new stand beside it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.data.versions import Manifest, ManifestRefused, left, listed, manifest_name, read_manifest
from shared.state import AcceptedFile

AT = datetime(2026, 3, 1, tzinfo=UTC)


def accepted(number: int, rows: int = 100) -> AcceptedFile:
    sha256 = f"{number:064d}"
    return AcceptedFile(number, sha256, rows, 1234, f"m/files/{sha256}.csv", f"incoming/m/{number}.csv", AT)


def version(*numbers: int, contract: str = "c" * 64, new_from: int = 1, **beside: str) -> Manifest:
    files = tuple(listed(accepted(number), new=number >= new_from) for number in numbers)
    return Manifest("m", contract, files, **beside)


def test_the_name_is_the_hash_of_contract_hashes_and_rows() -> None:
    """By hand: printf 'dataset version 2\\n<contract>\\n<sha256> <rows>' | sha256sum."""
    text = f"dataset version 2\n{'c' * 64}\n{1:064d} 100\n{2:064d} 100"
    assert version(2, 1).id == hashlib.sha256(text.encode()).hexdigest()
    assert manifest_name(version(1, 2)) == f"m/versions/{hashlib.sha256(text.encode()).hexdigest()}.json"


@given(st.permutations(range(1, 8)))
def test_the_same_files_in_another_order_are_the_same_version(numbers: list[int]) -> None:
    assert version(*numbers).id == version(*range(1, 8)).id


def test_who_when_why_and_what_was_new_do_not_change_the_name() -> None:
    first = version(1, 2, release="m-0001", because="data", at="2026-03-01T00:00:00+00:00", by="data.batch")
    again = version(
        1, 2, release="m-0007", because="request", at="2026-04-01T00:00:00+00:00", by="ada", parent="x", new_from=3
    )
    assert first.id == again.id
    assert first.content != again.content


@pytest.mark.parametrize(
    "other",
    [version(1), version(1, 3), version(1, 2, contract="d" * 64), version(1, 2, 3)],
    ids=["a file less", "another file", "another contract", "a file more"],
)
def test_other_content_has_another_name(other: Manifest) -> None:
    assert other.id != version(1, 2).id


def test_other_rows_of_the_same_bytes_have_another_name() -> None:
    """As where a newer reader counts otherwise, or a contract keeps only some of them."""
    one = version(1)
    assert replace(one, files=(replace(one.files[0], rows=99),)).id != one.id


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    before = version(1, 2, 3)
    dropped = left(before, [accepted(2), accepted(3)], frozenset())
    manifest = replace(version(2, 3, 4, new_from=4, window="last: 90d", parent=manifest_name(before)), dropped=dropped)
    assert read_manifest(manifest.content, name=manifest_name(manifest)) == manifest
    assert [(file.number, file.new) for file in manifest.files] == [(2, False), (3, False), (4, True)]
    assert [(file.number, file.why) for file in manifest.dropped] == [(1, "window")]


def test_a_forgotten_file_is_told_from_one_that_left_the_window() -> None:
    gone = left(version(1, 2, 3), [accepted(3)], frozenset({f"{2:064d}"}))
    assert [(file.number, file.why) for file in gone] == [(1, "window"), (2, "forgotten")]


@pytest.mark.parametrize("changed", ["sha256", "rows", "contract"])
def test_an_altered_manifest_is_refused_by_its_name(changed: str) -> None:
    manifest = version(1, 2)
    stored = json.loads(manifest.content)
    place = stored if changed == "contract" else stored["files"][0]
    place[changed] = 7 if changed == "rows" else "f" * 64
    with pytest.raises(ManifestRefused, match=r"was altered: its content has the hash .* Next: restore it"):
        read_manifest(json.dumps(stored).encode(), name=manifest_name(manifest))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"v": 9, "model": "m"}', b'{"v": 2}', b"\xff\x00"])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestRefused, match="is no manifest"):
        read_manifest(content, name="m/versions/0.json")


def test_a_manifest_of_0_1_0_is_read_and_held_against_the_hash_of_its_bytes() -> None:
    file = {"number": 1, "sha256": "a" * 64, "rows": 5, "bytes": 50, "blob": "m/files/a.csv", "new": True}
    content = json.dumps({"v": 1, "model": "m", "contract": "c" * 64, "files": [file]}, indent=1).encode()
    name = f"m/versions/{hashlib.sha256(content).hexdigest()}.json"
    assert read_manifest(content, name=name).files[0].blob == "m/files/a.csv"
    with pytest.raises(ManifestRefused, match="was altered"):
        read_manifest(content + b" ", name=name)
