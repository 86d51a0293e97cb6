"""Gets a run's inputs onto disk and names its interpreters, on the machine where the run goes.

An input says by its scheme where it comes from:

    dataset:<manifest blob>   manifest.json and files/<sha256>.<ext>, each file checked against its hash
    values:<manifest blob>    the files of that version which are still there, for the values that foreign keys may have
    run:<run id>              what that run left in outputs/model
    version:<n>               that version of the run's model, from the registry
    folder:<hash>             a published model folder, checked against its hash
    drop:<ETag>:<container>/<blob>   a drop with that ETag, as `drop`
    closed:<listing>:<ETag>:<container>/<blob>   the parts of a folder that the blob closed, as a listing in container
                              `datasets` has them, in `drop`; beside them the listing and the blob

Each lands in inputs/<name>, whole or not at all; the run's own folder always in inputs/folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared.data.folders import contents, place_for
from shared.data.versions import read_manifest
from shared.files.closings import Listing
from shared.files.folder_names import folder_of
from shared.files.published import InputForgotten, InputMissing, fetch_blob, fetch_folder, gone, same_hash
from shared.model_yaml.spec_file import load_spec
from shared.platforms.port import Registry, RunRequest
from shared.runs.environments import CHECKS, EnvironmentFailed, python_for
from shared.runs.interpreters import FOUND, MISSING
from shared.storage.port import BlobMissing, Blobs


@dataclass(frozen=True, slots=True)
class Sources:
    """Where inputs come from; `registry` is made only when an input asks for a version.

    `run_model` copies what a run left in outputs/model into an empty folder; `InputMissing` if it left nothing.
    """

    blobs: Blobs
    run_model: Callable[[str, Path], None]
    registry: Callable[[], Registry]


def materialise(request: RunRequest, inputs: Path, *, sources: Sources) -> None:
    """Fill `inputs` with what the request names. Safe to repeat: what is there whole is left alone."""
    wanted = {"folder": f"folder:{request.folder}", **request.inputs}
    for name, value in wanted.items():
        if not (inputs / name).exists():
            _place(value, inputs / name, request.model, sources)


def _place(value: str, into: Path, model: str, sources: Sources) -> None:
    scheme, _, rest = value.partition(":")
    fetch = _SCHEMES.get(scheme)
    if fetch is None or not rest:
        raise InputMissing(
            f"input {into.name} is {value!r}, of no known kind.", next=f"begin it with one of {', '.join(_SCHEMES)}"
        )
    draft = into.with_name(f".{into.name}-draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    fetch(rest, draft, model, sources)
    draft.rename(into)


def _dataset(manifest: str, into: Path, _model: str, sources: Sources) -> None:
    content = _read(sources.blobs, "datasets", manifest, what="the dataset version's manifest")
    files = read_manifest(content, name=manifest).files
    (into / "manifest.json").write_bytes(content)
    (into / "files").mkdir()
    for file in files:
        _dataset_file(file.blob, file.sha256, into / "files", sources.blobs)


def _values(manifest: str, into: Path, _model: str, sources: Sources) -> None:
    content = _read(
        sources.blobs, "datasets", manifest, what="the manifest of the version that a foreign key points to"
    )
    for file in read_manifest(content, name=manifest).files:
        with contextlib.suppress(InputForgotten):
            _dataset_file(file.blob, file.sha256, into, sources.blobs)


def _dataset_file(blob: str, sha256: str, into: Path, blobs: Blobs) -> None:
    target = into / f"{sha256}{PurePosixPath(blob).suffix}"
    stone = f"{blob.split('/', 1)[0]}/tombstones/{sha256}.json"
    try:
        fetch_blob(blobs, "datasets", blob, target, what="an accepted file of the dataset version")
    except InputMissing as missing:
        if blobs.look("datasets", stone) is None:
            raise
        what, todo = (
            f"datasets/{blob} was forgotten: datasets/{stone} says by whom and why.",
            "`baton retry` or retrain",
        )
        raise InputForgotten(what, next=f"{todo}: a new dataset version is cut without it") from missing
    with target.open("rb") as file:
        same_hash(sha256, hashlib.file_digest(file, "sha256").hexdigest(), of=f"datasets/{blob}")


def _run(run_id: str, into: Path, _model: str, sources: Sources) -> None:
    sources.run_model(run_id, into)


def _version(version: str, into: Path, model: str, sources: Sources) -> None:
    sources.registry().fetch(model, version, into)


def _folder(wanted: str, into: Path, model: str, sources: Sources) -> None:
    fetch_folder(sources.blobs, model, wanted, into)


def _drop(named: str, into: Path, _model: str, sources: Sources) -> None:
    etag, _, place = named.partition(":")
    container, _, blob = place.partition("/")
    try:
        sources.blobs.fetch(container, blob, into / "drop", etag=etag)
    except BlobMissing as error:
        raise InputMissing(
            f"{place} with ETag {etag} is gone.", next="nothing if it was overwritten: that is another drop"
        ) from error


def _closed(named: str, into: Path, _model: str, sources: Sources) -> None:
    listed, etag, place = named.split(":", 2)
    container, _, closer = place.partition("/")
    content = _read(sources.blobs, "datasets", listed, what="the listing of a closed folder")
    (into / "listing.json").write_bytes(content)
    (into / "drop").mkdir()
    listing, folder = Listing.from_json(content), folder_of(closer)
    try:
        sources.blobs.fetch(container, closer, into / "closer", etag=etag)
        found = contents(listing.sizes, closer.rsplit("/", 1)[-1], (into / "closer").read_bytes())
        for name in found.parts:
            sources.blobs.fetch(
                container, f"{folder}/{name}", place_for(into / "drop", name), etag=listing.files[name][0]
            )
    except BlobMissing as error:
        raise InputMissing(
            f"{place} or a part is not as it was: {error.what}", next=f"write the folder anew, and {closer} after it"
        ) from error
    landed = (into / "closer").stat().st_mtime
    os.utime(into / "drop", (landed, landed))


_SCHEMES: Mapping[str, Callable[[str, Path, str, Sources], None]] = {
    "dataset": _dataset,
    "values": _values,
    "run": _run,
    "version": _version,
    "folder": _folder,
    "drop": _drop,
    "closed": _closed,
}


def _read(blobs: Blobs, container: str, name: str, *, what: str) -> bytes:
    try:
        return blobs.read(container, name)
    except BlobMissing as error:
        raise gone(container, name, what) from error


def pythons(request: RunRequest, inputs: Path, *, home: Path) -> dict[str, str]:
    """The interpreters of a run by role, built where they are not there yet (see `shared/runs`); a check needs none."""
    if request.step == "check":
        return {}
    roles = {"folder": python_for(inputs / "folder", "run", home=home)}
    if "champion_folder" in request.inputs:
        roles["champion_folder"] = python_for(inputs / "champion_folder", "run", home=home)
    if request.step == "certify":
        roles["serving"] = python_for(inputs / "folder", "serving", home=home)
        if (inputs / "folder" / CHECKS).exists():
            roles["checks"] = python_for(inputs / "folder", "checks", home=home)
    found = {role: str(python) for role, python in roles.items()}
    return {**found, **other_pythons(inputs / "folder", home=home)} if request.step == "certify" else found


def other_pythons(folder: Path, *, home: Path) -> dict[str, str]:
    """An interpreter for each version that a declared check names as `python`; or the reason why not, on which the check holds."""
    checks = load_spec((folder / "model.yaml").read_text(), file=str(folder / "model.yaml")).gates.certificate.checks
    found = {}
    for version in sorted({check.parameters["python"] for check in checks.values() if "python" in check.parameters}):
        try:
            found[f"{FOUND}{version}"] = str(python_for(folder, "scoring", home=home, version=version))
        except EnvironmentFailed as error:
            found[f"{MISSING}{version}"] = error.what
    return found
