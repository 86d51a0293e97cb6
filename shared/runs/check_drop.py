"""The check of a drop that is too large for the function app, as a run: verdict by the same code, bytes kept from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from shared.data.answers import ANSWERED
from shared.data.check import check
from shared.data.checking import KEPT, PROFILE
from shared.data.contract import read_contract
from shared.data.folders import checked, contents, part_hashes
from shared.data.profile import Profile
from shared.data.verdict import Verdict
from shared.errors import Permanent
from shared.files import closings
from shared.files.closings import Listing
from shared.files.folder_names import folder_of
from shared.files.keeping import keep_bytes
from shared.monitoring.answered import fetch_answered
from shared.names import VALUES
from shared.runs.run_dir import RunDir
from shared.spec import Spec
from shared.storage.port import Blobs

BEFORE_PLACE: Mapping[str, int] = {"drop": 1, "closed": 2}
"""How many things an input of each scheme names before the place of the drop."""


def check_drop(run: RunDir, spec: Spec, *, blobs: Blobs) -> Mapping[str, object]:
    """Check the run's input `drop`, keep its bytes by the verdict, and return that as {"verdict": ...}. Safe to repeat."""
    scheme, _, rest = run.request.inputs["drop"].partition(":")
    where = rest.split(":", BEFORE_PLACE.get(scheme, 0))[-1]
    if scheme not in BEFORE_PLACE or "/" not in where:
        raise Permanent(
            f"input drop is {run.request.inputs['drop']!r}",
            next="name it drop:ETAG:CONTAINER/BLOB or closed:LISTING:ETAG:CONTAINER/BLOB",
        )
    file = run.input("drop") / "drop"
    contract = read_contract(run.input("folder") / spec.data.contract)
    profile = Profile.of(contract)
    landed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    keep = file.with_name(KEPT)
    keep.mkdir(exist_ok=True)
    references = _references(run, file.with_name("references"))
    fetch_answered(blobs, run.request.model, spec, file, now=landed)
    answered = file.with_name(ANSWERED)

    def found(drop: Path) -> Verdict:
        return check(drop, contract, profile, at=landed, references=references, answered=answered, keep=keep)

    verdict = _of_folder(file, where, found) if scheme == "closed" else found(file)
    profile.save(file.with_name(PROFILE))
    verdict, _ = keep_bytes(blobs, run.request.model, verdict, file, where)
    if scheme == "closed" and verdict.accepted:
        folder = folder_of(where.split("/", 1)[1])
        closings.keep_parts(blobs, run.request.model, folder, verdict.file_sha256, part_hashes(file))
    return {"verdict": verdict.to_dict()}


def _references(run: RunDir, folder: Path) -> Path:
    """`folder`, with the values that foreign keys may have: the files of each dataset's version in a folder of its name."""
    folder.mkdir(exist_ok=True)
    for name in run.request.inputs:
        if name.startswith(VALUES) and not (folder / name.removeprefix(VALUES)).exists():
            (folder / name.removeprefix(VALUES)).symlink_to(run.input(name).resolve())
    return folder


def _of_folder(stage: Path, where: str, check_parts: Callable[[Path], Verdict]) -> Verdict:
    """The verdict on a closed folder whose parts lie in `stage`, with its listing and the file that closed it beside them."""
    listing = Listing.from_json(stage.with_name("listing.json").read_bytes())
    closed_by = where.rsplit("/", 1)[-1]
    found = contents(listing.sizes, closed_by, stage.with_name("closer").read_bytes())
    return checked(stage, found, listing.sizes, closed_by, check_parts)
