"""The manifest of a folder of parts: which parts it lists, with how many bytes and which hash, and whether they hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from shared.data.partitions import are_partitioned, partition_of
from shared.data.shown import counted, shown
from shared.data.unreadable import Unreadable
from shared.data.verdict import Problem
from shared.files.folder_names import is_beside
from shared.names import digest

MANIFEST_MOST = 1 << 20
TOLD = 5
FORM = '{"parts": [{"name": "part-0.csv", "bytes": 120, "sha256": "..."}]}'


@dataclass(frozen=True, slots=True)
class Promised:
    """A part as the manifest lists it."""

    name: str
    bytes: int
    sha256: str


def read_manifest(content: bytes, closed_by: str) -> tuple[Promised, ...]:
    """The parts that a manifest lists; `Unreadable` if it has another form, or names what lies outside the folder."""
    try:
        found: list[Mapping[str, Any]] = json.loads(content if len(content) <= MANIFEST_MOST else b"")["parts"]
        listed = tuple(_promised(one) for one in found)
    except (ValueError, KeyError, TypeError, RecursionError):
        what = f"{closed_by} lists no parts in the form that is read"
        raise Unreadable("manifest", what, f"write {FORM}, at most {MANIFEST_MOST >> 20} MiB") from None
    names = [one.name for one in listed]
    for name in names:
        if not _is_plain(name) or names.count(name) > 1:
            what = f"{closed_by} lists {shown(name)!r}, which is no part of the folder, or stands there twice"
            raise Unreadable("manifest", what, "list each part once, by its name in the folder alone")
    if any("/" in name for name in names) and not are_partitioned(names):
        what = f"{closed_by} lists parts that are not all in partitions of the same columns"
        raise Unreadable(
            "manifest", what, "write all parts into the folder itself, or all into folders like day=2026-01-01"
        )
    return tuple(sorted(listed, key=lambda one: one.name))


def _promised(one: Mapping[str, Any]) -> Promised:
    if not isinstance(one["bytes"], int) or isinstance(one["bytes"], bool):
        raise TypeError(one["bytes"])
    return Promised(str(one["name"]), one["bytes"], str(one["sha256"]).lower())


def _is_plain(name: str) -> bool:
    """Whether a name is that of a file in the folder itself, or in a partition of it."""
    is_within = PurePosixPath(name).name == name or (
        bool(partition_of(name)) and PurePosixPath(name).as_posix() == name
    )
    return bool(name) and is_within and "\\" not in name and not is_beside(name)


def manifest_problems(promised: Iterable[Promised], files: Mapping[str, int], closed_by: str) -> Iterator[Problem]:
    """Where lengths, by name, are not those of the manifest; a part that it does not list is only told."""
    listed = {one.name: one for one in promised}
    for one in listed.values():
        if one.name not in files:
            yield broken_part(one.name, f"part {shown(one.name, 120)}, which {closed_by} lists, is not there")
        elif files[one.name] != one.bytes:
            what = f"part {shown(one.name, 120)} has {files[one.name]} bytes, {closed_by} says {one.bytes}"
            yield broken_part(one.name, what)
    more = [name for name in files if name not in listed and name != closed_by and not is_beside(name)]
    if more:
        what = f"{closed_by} does not list {counted(len(more), 'file')} of the folder: not read"
        remedy = "nothing, if it is left over from another write"
        yield Problem("not_listed", "", len(more), (), tuple(map(shown, sorted(more)[:TOLD])), what, remedy, "warning")


def hash_problems(promised: Iterable[Promised], folder: Path, closed_by: str) -> Iterator[Problem]:
    """The parts on disk whose bytes are not those of the manifest."""
    for one in promised:
        found = sha256_of(folder / one.name) if one.bytes else digest("")
        if found != one.sha256:
            yield broken_part(
                one.name,
                f"part {shown(one.name, 120)} has the hash {found[:16]}, {closed_by} says {shown(one.sha256, 17)}",
            )


def broken_part(name: str, what: str) -> Problem:
    """The fault of one part, which refuses its folder."""
    remedy = "write the part again, whole, and the file that closes the folder after it"
    return Problem("part", "", 1, (), (shown(name),), what, remedy)


def manifest_of(folder: Path, parts: Iterable[str]) -> bytes:
    """A manifest that lists these files of a folder as they are."""
    listed = [
        {"name": name, "bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)} for name in parts
    ]
    return json.dumps({"parts": listed}, indent=1).encode()


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
