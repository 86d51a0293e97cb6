"""Dataset versions: an immutable manifest, named by the hash of its content.

The name covers which bytes, how many rows and by which contract they are read, in no order: the same files cut by
somebody else at another time are the same version. Who, when, why, where the files came from and which of them were new
stand beside it; of two manifests with one name the first stays. Form 1 (0.1.0) was named by the hash of its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import Permanent
from shared.names import digest
from shared.state import AcceptedFile

V = 2
AGAIN = "restore it from the container's versions, then retry; nothing was trained on it"


class ManifestRefused(Permanent):
    """A manifest is not what its name says, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a version: `blob` within container `datasets`, `drop` where it landed, `source` what its sender said of it.

    `contract` is the one under which it was accepted (SHA-256, and the version that it calls itself), `profile` where its
    profile lies. `new` says that no earlier version had it; the others are carried over.
    """

    number: int
    sha256: str
    rows: int
    bytes: int
    blob: str
    new: bool
    drop: str = ""
    source: str = ""
    at: str = ""
    contract: str = ""
    contract_version: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A file of the version before that this one does not hold: `why` is window or forgotten."""

    number: int
    sha256: str
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole version. `parent` is the one before, `release` the first to use it, `because` its causes, `at` when it was cut and
    `by` whom or what: people, `data.batch`, `schedule.retrain`, monitors.
    """

    model: str
    contract: str
    files: tuple[Listed, ...]
    contract_version: str = ""
    window: str = "all"
    parent: str = ""
    dropped: tuple[Left, ...] = ()
    release: str = ""
    because: str = ""
    at: str = ""
    by: str = ""

    @property
    def id(self) -> str:
        """SHA-256 of the content: the contract, and each file's hash and rows, sorted."""
        lines = sorted(f"{file.sha256} {file.rows}" for file in self.files)
        return digest("\n".join([f"dataset version {V}", self.contract, *lines]))

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def sha256s(self) -> frozenset[str]:
        """The files' hashes."""
        return frozenset(file.sha256 for file in self.files)

    @property
    def content(self) -> bytes:
        """The stored form."""
        return json.dumps({"v": V, **asdict(self)}, indent=1).encode()


def listed(file: AcceptedFile, *, new: bool) -> Listed:
    """An accepted file as a manifest lists it."""
    return Listed(
        number=file.number,
        sha256=file.sha256,
        rows=file.rows,
        bytes=file.size,
        blob=file.stored,
        new=new,
        drop=file.blob,
        source=file.source,
        at=file.at.isoformat(),
        contract=file.contract,
        contract_version=file.contract_version,
        profile=file.profile,
    )


def left(parent: Manifest | None, kept: Iterable[AcceptedFile], forgotten: frozenset[str]) -> tuple[Left, ...]:
    """The files of the version before that are not among those kept, each with the reason."""
    stays = {file.sha256 for file in kept}
    gone = [file for file in (parent.files if parent else ()) if file.sha256 not in stays]
    return tuple(
        Left(file.number, file.sha256, file.rows, "forgotten" if file.sha256 in forgotten else "window")
        for file in gone
    )


def manifest_name(manifest: Manifest) -> str:
    """The manifest's blob in container `datasets`."""
    return f"{manifest.model}/versions/{manifest.id}.json"


def read_manifest(content: bytes, *, name: str) -> Manifest:
    """The manifest in a blob's bytes, of this form or the first; `ManifestRefused` unless its content has the name's hash."""
    wanted = name.rsplit("/", 1)[-1].removesuffix(".json")
    try:
        found = json.loads(content)
        manifest = _manifest(found)
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestRefused(f"datasets/{name} is no manifest: {error!r:.200}", next=AGAIN) from error
    is_of = digest(content) if found["v"] == 1 else manifest.id
    if is_of != wanted:
        what = f"datasets/{name} was altered: its content has the hash {is_of[:16]}, its name says {wanted[:16]}"
        raise ManifestRefused(what, next=AGAIN)
    return manifest


def _manifest(found: Mapping[str, Any]) -> Manifest:
    if found["v"] not in (1, V):
        raise ValueError(f"form {found['v']} is none that this code knows")
    known = {name: found[name] for name in Manifest.__dataclass_fields__ if name in found}
    files = tuple(Listed(**_of(Listed, file)) for file in found["files"])
    dropped = tuple(Left(**_of(Left, file)) for file in found.get("dropped", ()))
    return Manifest(**{**known, "files": files, "dropped": dropped})


def _of(kind: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in kind.__dataclass_fields__ if name in found}


def forgotten_in(names: Sequence[str]) -> frozenset[str]:
    """The hashes that these tombstones are about.

    >>> forgotten_in(["m/tombstones/ab.json"])
    frozenset({'ab'})
    """
    return frozenset(name.rsplit("/", 1)[-1].removesuffix(".json") for name in names)
