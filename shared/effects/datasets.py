"""Dataset versions: the manifest is written, content-addressed, before anything names it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared import log
from shared.data.glance import contract_version
from shared.data.versions import (
    Manifest,
    ManifestRefused,
    forgotten_in,
    left,
    listed,
    manifest_name,
    read_manifest,
)
from shared.data.window import Cut, held
from shared.effects.files import DATASETS, JSON, MODELS
from shared.effects.parts import Parts
from shared.files.keeping import tombstones
from shared.names import digest
from shared.state import AcceptedFile, Command
from shared.storage.port import BlobMissing


def write_version(parts: Parts, model: str, command: Command) -> str:
    """The manifest of what the release reads: the files in its window, without those that were forgotten.

    Repeated, it writes the same bytes; where the same content was cut before, that manifest stays.
    """
    what, spec = command.payload, parts.rules(model, command.payload["folder"])
    contract = parts.blobs.read(MODELS, f"{model}/{what['folder']}/{spec.data.contract}")
    parent = _parent(parts, what)
    forgotten = forgotten_in(list(parts.blobs.names(DATASETS, tombstones(model))))
    known = [file for file in parts.book.files(model, what["files"]) if file.sha256 not in forgotten]
    cut = _cut(what, parent, parts.clock())
    files = _pinned(parts, what, known) if what.get("pinned") else held(spec.data.window, known, cut)
    manifest = Manifest(
        model=model,
        contract=digest(contract),
        contract_version=contract_version(contract),
        window=spec.data.window,
        files=tuple(listed(file, new=file.number >= cut.new_from) for file in files),
        parent=what.get("parent", ""),
        dropped=left(parent, files, forgotten),
        release=command.release,
        because=what.get("because", ""),
        at=what.get("cut_at", ""),
        by=what.get("cut_by", ""),
    )
    name = manifest_name(manifest)
    parts.blobs.put(DATASETS, name, manifest.content, content_type=JSON)
    return name


def _cut(what: Any, parent: Manifest | None, now: datetime) -> Cut:
    """A command of 0.1.0 says nothing of the moment; its windows were all `all`."""
    at = datetime.fromisoformat(what["cut_at"]) if what.get("cut_at") else now
    return Cut(what["files"], what["first_new_file"], at, parent.sha256s if parent else frozenset())


def _parent(parts: Parts, what: Any) -> Manifest | None:
    """The version before. One that is gone or altered is told and left: the new version does not depend on it."""
    name = what.get("parent", "")
    try:
        return read_manifest(parts.blobs.read(DATASETS, name), name=name) if name else None
    except (BlobMissing, ManifestRefused) as error:
        log.error("version before cannot be read", why=error.what, next="docs/data.md#verify")
        return None


def _pinned(parts: Parts, what: Any, known: Sequence[AcceptedFile]) -> tuple[AcceptedFile, ...]:
    """The files of the version that a person chose, as far as they are not forgotten."""
    chosen = read_manifest(parts.blobs.read(DATASETS, what["pinned"]), name=what["pinned"]).sha256s
    return tuple(file for file in known if file.sha256 in chosen)
