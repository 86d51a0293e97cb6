"""Where a checked drop is kept: the accepted file by its hash, the refused one beside its report.

Every name follows from the model, the bytes and the drop's place, so whoever repeats this after a crash, in `perform` or
in a run on the platform, writes the same blobs again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from shared.data.checking import PROFILE
from shared.data.report import to_html, to_json
from shared.data.verdict import Problem, Verdict
from shared.names import digest
from shared.storage.port import Blobs

DATASETS, QUARANTINE, REPORTS = "datasets", "quarantine", "reports"
ENDING = re.compile(r"\.[a-z][a-z0-9]{0,7}")
NAME_KEPT = 200
HTML, JSON, BYTES = "text/html; charset=utf-8", "application/json", "application/octet-stream"


def keep_bytes(blobs: Blobs, model: str, verdict: Verdict, file: Path, where: str) -> tuple[Verdict, str]:
    """The drop's bytes, to `stored` if they were accepted, into quarantine if not. `where` is the drop's container/blob.

    An accepted file's profile, which the check leaves beside it, is kept too. Returns the verdict that holds, since bytes
    that a person had forgotten are kept nowhere and refused, and the profile's blob in `datasets`, "" without one.
    """
    # `drop-` keeps a drop that is called report.html apart from its report
    apart = f"{_apart(model, verdict, where)}/drop-{PurePosixPath(where).name[-NAME_KEPT:]}"
    container, name = (DATASETS, stored(model, verdict, where)) if verdict.accepted else (QUARANTINE, apart)
    kept = {(container, name): (file, BYTES)}
    profile = file.with_name(PROFILE)
    profiled = profile_blob(model, verdict.sha256) if verdict.accepted and profile.exists() else ""
    if profiled:
        kept[DATASETS, profiled] = (profile, JSON)
    for (place, blob), (content, kind) in kept.items():
        blobs.put(place, blob, content, content_type=kind)
    holds = _unless_forgotten(blobs, model, verdict, list(kept))
    return holds, profiled if holds.accepted else ""


def keep_report(blobs: Blobs, model: str, verdict: Verdict, where: str) -> str:
    """Write the report as JSON and as a page: beside the refused bytes, or to the reports. Returns where the page is."""
    accepted = f"{model}/drops/{verdict.sha256[:16]}"
    container, place = (REPORTS, accepted) if verdict.accepted else (QUARANTINE, _apart(model, verdict, where))
    blobs.put(container, f"{place}/report.json", to_json(verdict).encode(), content_type=JSON)
    page = to_html(verdict, title=where).encode()
    blobs.put(container, f"{place}/report.html", page, content_type=HTML)
    return f"{container}/{place}/report.html"


def stored(model: str, verdict: Verdict, where: str) -> str:
    """The accepted file's blob in container `datasets`: its hash, with the endings that say how it is to be read.

    >>> stored("m", Verdict(True, "ab12", 3, ("X",)), "incoming/m/March.CSV.gz")
    'm/files/ab12.csv.gz'
    """
    endings = PurePosixPath(where.lower()).suffixes[-2:]
    return f"{model}/files/{verdict.sha256}{''.join(ending for ending in endings if ENDING.fullmatch(ending))}"


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
    if blobs.look(DATASETS, tombstone(model, verdict.sha256)) is None:
        return verdict
    for container, name in kept:
        blobs.remove(container, name)
    what = "these bytes were forgotten, as a person asked"
    problem = Problem("forgotten", "", 1, (), (), what, f"leave them out; {tombstone(model, verdict.sha256)} says why")
    return Verdict(False, verdict.sha256, 0, (), (problem,))
