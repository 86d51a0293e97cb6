"""The check of a drop that is too large for the function app, as a run: verdict by the same code, bytes kept from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.data.check import check
from shared.data.checking import KEPT, PROFILE
from shared.data.contract import read_contract
from shared.data.profile import Profile
from shared.errors import Permanent
from shared.keeping import keep_bytes
from shared.runs.run_dir import RunDir
from shared.spec import Spec
from shared.storage.port import Blobs


def check_drop(run: RunDir, spec: Spec, *, blobs: Blobs) -> Mapping[str, object]:
    """Check the run's input `drop`, keep its bytes by the verdict, and return that as {"verdict": ...}. Safe to repeat."""
    scheme, _, rest = run.request.inputs["drop"].partition(":")
    _, _, where = rest.partition(":")
    if scheme != "drop" or not where:
        raise Permanent(f"input drop is {run.request.inputs['drop']!r}", next="name it drop:ETAG:CONTAINER/BLOB")
    file = run.input("drop") / "drop"
    contract = read_contract(run.input("folder") / spec.data.contract)
    profile = Profile.of(contract)
    landed = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    keep = file.with_name(KEPT)
    keep.mkdir(exist_ok=True)
    verdict = check(file, contract, profile, at=landed, references=file.with_name("references"), keep=keep)
    profile.save(file.with_name(PROFILE))
    verdict, _ = keep_bytes(blobs, run.request.model, verdict, file, where)
    return {"verdict": verdict.to_dict()}
