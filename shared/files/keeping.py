"""Where a checked drop is kept: the accepted file by its hash, the refused one beside its report.

Every name follows from the model, the bytes and the drop's place, so whoever repeats this after a crash, in `perform` or
in a run on the platform, writes the same blobs again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from shared.data.checking import KEPT, PROFILE
from shared.data.folders import part_files, part_name
from shared.data.report import NOTHING_MORE, Extras, to_html, to_json
from shared.data.verdict import ACCEPTED, REFUSED, Problem, Verdict
from shared.names import digest
from shared.storage.port import Blobs

DATASETS, QUARANTINE, REPORTS = "datasets", "quarantine", "reports"
ENDING = re.compile(r"\.[a-z][a-z0-9]{0,7}")
NAME_KEPT = 200
HTML, JSON, BYTES = "text/html; charset=utf-8", "application/json", "application/octet-stream"


def keep_bytes(blobs: Blobs, model: str, verdict: Verdict, file: Path, where: str) -> tuple[Verdict, str]:
    """The drop's bytes, to `stored` if they were accepted, into quarantine if not. `where` is the drop's container/blob; of a
    folder of parts, which `file` may be, that of the file which closed it.

    Where only some rows were accepted, or the drop was written anew, the check left that file beside it: then that is kept, and
    the refused rows go to quarantine. An accepted file's profile is kept too. Returns the verdict that holds, since bytes
    that a person had forgotten are kept nowhere and refused, and the profile's blob in `datasets`, "" without one.
    """
    kept = _kept(model, verdict, file, where)
    profile = file.with_name(PROFILE)
    profiled = profile_blob(model, verdict.file_sha256) if verdict.accepted and profile.exists() else ""
    if profiled:
        kept[DATASETS, profiled] = (profile, JSON)
    for (place, blob), (content, kind) in kept.items():
        blobs.put(place, blob, content, content_type=kind)
    holds = _unless_forgotten(blobs, model, verdict, list(kept))
    return holds, profiled if holds.accepted else ""


def _kept(model: str, verdict: Verdict, file: Path, where: str) -> dict[tuple[str, str], tuple[Path, str]]:
    """Which bytes go where."""
    # `drop-` keeps a drop that is called report.html apart from its report
    apart = f"{_apart(model, verdict, where)}/drop-"
    if not verdict.accepted:
        names = {one: part_name(one, file) if file.is_dir() else PurePosixPath(where).name for one in part_files(file)}
        return {(QUARANTINE, f"{apart}{name[-NAME_KEPT:]}"): (one, BYTES) for one, name in names.items()}
    if verdict.kept is None:
        return {(DATASETS, stored(model, verdict, where)): (file, BYTES)}
    kept = {(DATASETS, stored(model, verdict, where)): (file.with_name(KEPT) / ACCEPTED, BYTES)}
    if verdict.refused_rows:
        kept[QUARANTINE, f"{apart}{REFUSED}"] = (file.with_name(KEPT) / REFUSED, BYTES)
    return kept


def keep_report(blobs: Blobs, model: str, verdict: Verdict, where: str, extras: Extras = NOTHING_MORE) -> str:
    """Write the report as JSON and as a page: beside what was refused, or to the reports. Returns where the page is.

    `extras` are what only arrival knows; the verdict in it is the one that a check before the drop gives.
    """
    accepted = f"{model}/drops/{verdict.sha256[:16]}"
    is_whole = verdict.accepted and not verdict.refused_rows
    container, place = (REPORTS, accepted) if is_whole else (QUARANTINE, _apart(model, verdict, where))
    blobs.put(container, f"{place}/report.json", to_json(verdict, extras).encode(), content_type=JSON)
    page = to_html(verdict, title=where, extras=extras).encode()
    blobs.put(container, f"{place}/report.html", page, content_type=HTML)
    return f"{container}/{place}/report.html"


def stored(model: str, verdict: Verdict, where: str) -> str:
    """The accepted file's blob in container `datasets`: its hash, with the endings that say how it is to be read.

    >>> stored("m", Verdict(True, "ab12", 3, ("X",)), "incoming/m/March.CSV.gz")
    'm/files/ab12.csv.gz'
    """
    endings = [".csv"] if verdict.kept else PurePosixPath(where.lower()).suffixes[-2:]
    return f"{model}/files/{verdict.file_sha256}{''.join(ending for ending in endings if ENDING.fullmatch(ending))}"


def profile_blob(model: str, sha256: str) -> str:
    """An accepted file's profile in container `datasets`. Of two checks of the same bytes the first one's stays."""
    return f"{model}/profiles/{sha256}.json"


def _apart(model: str, verdict: Verdict, where: str) -> str:
    """The refused drop's folder in quarantine, named by its bytes and its place."""
    return f"{model}/{verdict.sha256[:16]}-{digest(where)[:8]}"


def tombstones(model: str) -> str:
    """Under which prefix of container `datasets` a model's tombstones stand."""
    return f"{model}/tombstones/"


def tombstone(model: str, sha256: str) -> str:
    """The blob in container `datasets` that says who had these bytes forgotten, when and why."""
    return f"{tombstones(model)}{sha256}.json"


def _unless_forgotten(blobs: Blobs, model: str, verdict: Verdict, kept: Sequence[tuple[str, str]]) -> Verdict:
    """The verdict, or a refusal where the bytes were forgotten: they are taken away again.

    Looked at after they were stored: whoever forgets sets the tombstone before erasing, so one of the two sees the other.
    """
    if blobs.look(DATASETS, tombstone(model, verdict.file_sha256)) is None:
        return verdict
    for container, name in kept:
        blobs.remove(container, name)
    what = "these bytes were forgotten, as a person asked"
    problem = Problem(
        "forgotten", "", 1, (), (), what, f"leave them out; {tombstone(model, verdict.file_sha256)} says why"
    )
    return Verdict(False, verdict.sha256, 0, (), (problem,))
