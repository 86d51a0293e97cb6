"""A drop that is a folder of part files: which of its files are parts, and what its manifest promises of them.

The same for a folder in storage and one on a disk; names are relative to the folder. What Spark, Hadoop and Databricks write
beside the parts is not read: names that begin with `_` or `.` (`_committed_17`, `.part-0.parquet.crc`) or end in `.crc`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from shared.data.part_manifest import Promised, broken_part, hash_problems, manifest_problems, read_manifest, sha256_of
from shared.data.partitions import are_partitioned
from shared.data.shown import counted, shown
from shared.data.unreadable import Unreadable
from shared.data.verdict import Problem, Verdict
from shared.files.folder_names import is_beside, is_manifest
from shared.names import digest

MOST_PARTS = 2000
TOLD = 5
TABLES: Mapping[str, str] = {"_delta_log": "Delta", ".hoodie": "Hudi"}
STARTED, COMMITTED = "_started_", "_committed_"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is read of a folder: the parts' names in order, with what the manifest promises, what is not read, what is wrong."""

    parts: tuple[str, ...]
    beside: tuple[str, ...]
    problems: tuple[Problem, ...]
    promised: tuple[Promised, ...] = ()

    @property
    def refuses(self) -> bool:
        """Whether a problem refuses the folder before a part is read."""
        return _refuses(self.problems)

    @property
    def may_come(self) -> bool:
        """Whether all that is wrong is that parts are not there yet."""
        errors = {problem.rule for problem in self.problems if problem.severity == "error"}
        return bool(errors) and errors <= {"part", "no_part"}

    def said(self, closed_by: str) -> str:
        """For the report: how much was read as one drop, and what was not."""
        told = f"{counted(len(self.parts), 'part')} read as one drop, closed by {closed_by or 'nothing yet'}."
        if self.beside:
            names = ", ".join(map(shown, self.beside[:TOLD])) + (", …" if len(self.beside) > TOLD else "")
            told += f" Not read, since writers put it beside the parts: {names}."
        return told


def contents(files: Mapping[str, int], closed_by: str, closer: bytes) -> Contents:
    """Tell the parts from what lies beside them. `files` are the sizes of all files below the folder, by name; `closer` is
    what the file that closes it holds.
    """
    others = [name for name in sorted(files) if name != closed_by]
    beside = tuple(name for name in others if is_beside(name))
    if is_manifest(closed_by):
        return _promised_contents(files, closed_by, closer, beside)
    data = [name for name in others if not is_beside(name)]
    nested = [name for name in data if "/" in name] if not are_partitioned(data) else []
    parts = [name for name in data if name not in nested and files[name]]
    empty = [name for name in data if name not in nested and not files[name]]
    problems = [*_tables(others), *_nested(nested), *_uncommitted(beside, parts), *_empty(empty)]
    problems += _number(parts, closed_by) if not nested else []
    return Contents(tuple(parts), beside, tuple(problems))


def _promised_contents(files: Mapping[str, int], closed_by: str, closer: bytes, beside: tuple[str, ...]) -> Contents:
    try:
        promised = read_manifest(closer, closed_by)
    except Unreadable as error:
        return Contents((), beside, (error.problem,))
    parts = tuple(one.name for one in promised if one.bytes)
    problems = (*_tables(files), *_number(parts, closed_by), *manifest_problems(promised, files, closed_by))
    return Contents(parts, beside, problems, promised)


def _refuses(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _tables(names: Iterable[str]) -> Iterator[Problem]:
    for table in sorted({TABLES[first] for name in names if (first := name.split("/", 1)[0]) in TABLES}):
        what = f"the folder is a {table} table: which of its files count stands in its log, which is not read"
        yield Problem("folder", "", 1, (), (), what, "write the rows out as Parquet, into a folder of their own")


def _nested(names: list[str]) -> Iterator[Problem]:
    if not names:
        return
    what = f"{counted(len(names), 'file')} {_lie(names)} in folders of the folder, which are not all partitions of the same columns"
    remedy = "write all parts into the folder itself, or each into folders like day=2026-01-01 and no part beside them"
    yield Problem("folder", "", len(names), (), tuple(map(shown, names[:TOLD])), what, remedy)


def _lie(names: Collection[str]) -> str:
    return "lies" if len(names) == 1 else "lie"


def _uncommitted(beside: Collection[str], parts: Iterable[str]) -> Iterator[Problem]:
    """Databricks leaves the parts of a write that failed where they are: it was begun, and never committed."""
    begun = {name.removeprefix(STARTED) for name in beside if name.startswith(STARTED)}
    open_ = begun - {name.removeprefix(COMMITTED) for name in beside if name.startswith(COMMITTED)}
    left = [name for name in parts if any(f"tid-{write}-" in name for write in open_)]
    if left:
        what = f"{counted(len(left), 'part')} of a write that was begun and never committed {_lie(left)} in the folder"
        remedy = "remove them (VACUUM does), or write the rows anew into a folder of their own"
        yield Problem("folder", "", len(left), (), tuple(map(shown, left[:TOLD])), what, remedy)


def _empty(names: list[str]) -> Iterator[Problem]:
    if names:
        what = f"{counted(len(names), 'part')} of no bytes: it was passed over"
        yield Problem(
            "empty_part",
            "",
            len(names),
            (),
            tuple(map(shown, names[:TOLD])),
            what,
            "nothing, if it had no rows",
            "warning",
        )


def _number(parts: Collection[str], closed_by: str) -> Iterator[Problem]:
    if not parts:
        what, remedy = (
            "the folder holds no part",
            f"write the parts first, and {closed_by or 'the file that closes it'} after the last of them",
        )
        yield Problem("no_part", "", 0, (), (), what, remedy)
    if len(parts) > MOST_PARTS:
        what = f"the folder holds {len(parts)} parts, at most {MOST_PARTS} are read"
        yield Problem("folder", "", len(parts), (), (), what, "write fewer and larger ones, as coalesce(10) does")


def changed_part(name: str, how: str) -> Problem:
    """The fault of a part that is no longer what it was when the folder was closed; `how` is removed or overwritten."""
    return broken_part(name, f"part {shown(name, 120)} was {how} after its folder was closed")


def read_before(parts: Mapping[str, str], before: Mapping[str, str], number: int) -> Problem | None:
    """The fault of a folder of which parts, by name and hash, were read into file `number` already; None if none was."""
    known = {*before.values()}
    again = sorted(name for name, sha256 in parts.items() if sha256 in known)
    if not again:
        return None
    what = (
        f"{len(again)} of {counted(len(parts), 'part')} were read as file {number} before: their rows would count twice"
    )
    remedy = "write what is new into a folder of its own, and close that"
    return Problem("folder", "", len(again), (), tuple(map(shown, again[:TOLD])), what, remedy)


def checked(
    stage: Path, found: Contents, files: Mapping[str, int], closed_by: str, check: Callable[[Path], Verdict]
) -> Verdict:
    """The verdict on a folder whose parts, and nothing else, lie in `stage`; by `check`, if the manifest holds."""
    problems = [*found.problems, *hash_problems(found.promised, stage, closed_by)]
    if _refuses(problems):
        return refused(files, problems)
    verdict = check(stage)
    return replace(verdict, problems=(*verdict.problems, *problems))


def check_on_disk(folder: Path, closed_by: str, check: Callable[[Path], Verdict]) -> Verdict:
    """The verdict that a folder on disk will get when it is dropped; the file that closes it need not be there yet."""
    files, found, closer = on_disk(folder, closed_by)
    if found.refuses:
        return refused(files, found.problems)
    with tempfile.TemporaryDirectory(prefix="baton-parts-") as stage:
        for name in found.parts:
            place_for(Path(stage), name).symlink_to((folder / name).resolve())
        return checked(Path(stage), found, files, closer, check)


def on_disk(folder: Path, closed_by: str) -> tuple[dict[str, int], Contents, str]:
    """The sizes of a folder's files, what is read of them, and the name of the file that closes it, "" if it is not there."""
    files = {file.relative_to(folder).as_posix(): file.stat().st_size for file in folder.rglob("*") if file.is_file()}
    closer = closed_by if closed_by in files else ""
    content = (folder / closer).read_bytes() if closer and is_manifest(closer) else b""
    return files, contents(files, closer, content), closer


def refused(files: Mapping[str, int], problems: Iterable[Problem]) -> Verdict:
    """The verdict on a folder whose parts were not read: named by names and sizes of what lies there, and what is wrong."""
    listed = tuple(problems)
    lines = [f"{size} {name}" for name, size in sorted(files.items())] + [problem.what for problem in listed]
    return Verdict(False, digest("\n".join(["folder", *lines])), 0, (), listed)


def content_hash(drop: Path) -> str:
    """SHA-256 of a drop: of a file its bytes, of a folder its parts' hashes and names."""
    if not drop.is_dir():
        return sha256_of(drop)
    return digest("\n".join(["folder", *(f"{sha256} {name}" for name, sha256 in part_hashes(drop).items())]))


def part_hashes(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a folder of parts, by name in the order in which they are read."""
    return {part_name(file, folder): sha256_of(file) for file in part_files(folder)}


def part_files(drop: Path) -> list[Path]:
    """The files of a drop in the order in which they are read; a file is its own only part."""
    if not drop.is_dir():
        return [drop]
    return sorted((file for file in drop.rglob("*") if file.is_file()), key=lambda file: part_name(file, drop))


def part_name(file: Path, folder: Path) -> str:
    """A part's name: where it lies within its folder."""
    return file.relative_to(folder).as_posix()


def place_for(stage: Path, name: str) -> Path:
    """Where the part of this name goes below `stage`, whose folders are made."""
    place = stage / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def late_part(where: str, etag: str, folder: str) -> Verdict:
    """The verdict on a part that was written when its folder was closed already."""
    what = f"it came after its folder {shown(folder, 200)} was closed: its rows are in no dataset version"
    todo = "write it into a folder of its own, and close that; a folder that was accepted takes no more parts"
    return Verdict(
        False, digest(f"late part\n{where}\n{etag}"), 0, (), (Problem("late_part", "", 1, (), (), what, todo),)
    )
