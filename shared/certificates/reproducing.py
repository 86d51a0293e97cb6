"""Having a version trained once more, as a run of its own on the platform, and keeping what came of it.

The run is named after the release, so that its end opens none: what it makes is never registered.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from shared import names
from shared.effects.files import JSON, REPORTS
from shared.errors import Permanent, RunFailed
from shared.gating.verdict import Document
from shared.platforms.port import RunRequest, RunSeen, Trainer
from shared.spec import Spec
from shared.state import Release
from shared.storage.port import Blobs

LOOK_EVERY_SECONDS = 2.0
BESIDE_SECONDS = 900.0  # for environments, and for scoring both models
GOING = ("queued", "running")


def reproduce(
    trainer: Trainer, blobs: Blobs, release: Release, spec: Spec, *, pause: Callable[[float], None]
) -> tuple[Document, str]:
    """Train the release's version again and wait for it: the run's result, and where it is kept.

    Repeated while a run goes, it waits for that one. `Permanent` if Baton did not train the version, `RunFailed` if the run ended
    without a result.
    """
    if not (release.train_run and release.manifest and release.version):
        raise Permanent(
            f"{release.id} has no version that a run of ours trained.",
            next=f"baton explain {release.id} tells how far it came",
        )
    seen = _run(trainer, release, spec)
    while seen.status in GOING:
        pause(LOOK_EVERY_SECONDS)
        found = trainer.look(seen.run_id)
        if found is None:
            raise RunFailed(f"run {seen.run_id} is gone", next=f"baton reproduce {release.id} starts another one")
        seen = found
    if seen.status != "completed":
        raise RunFailed(f"run {seen.run_id} {seen.status}: {seen.reason}", next="mend that, then ask again")
    content = json.dumps(dict(seen.result), indent=1, sort_keys=True).encode()
    name = f"{release.model}/runs/{seen.run_id}-{names.digest(content)[:16]}.json"
    blobs.put(REPORTS, name, content, content_type=JSON)
    return seen.result, f"{REPORTS}/{name}"


def reproductions(blobs: Blobs, release: Release) -> tuple[Document, ...]:
    """What came of each time that the release's version was trained again."""
    prefix = f"{release.model}/runs/{names.reproduction_id(release.id, 0)[:-1]}"
    return tuple(json.loads(blobs.read(REPORTS, name)) for name in sorted(blobs.names(REPORTS, prefix)))


def told(result: Document) -> str:
    """What came of it, in one sentence.

    >>> told({"answer": "differs", "files": {"same": 1, "differ": ["w.json"]}, "predictions": {"rows": 9, "differ": 2, "largest": 0.5}})
    'the model differs in w.json; 2 of 9 predictions differ, by at most 0.5'
    """
    files, predictions, changes = (result.get(name) for name in ("files", "predictions", "provenance"))
    differ = files.get("differ", []) if isinstance(files, dict) else []
    is_same = result.get("answer") == "same bytes"
    parts = ["the same model, byte for byte" if is_same else f"the model differs in {', '.join(map(str, differ))}"]
    if isinstance(predictions, dict) and not is_same:
        counted = (
            f"{predictions['differ']} of {predictions['rows']} predictions differ, by at most {predictions['largest']:.6g}"
            if "rows" in predictions
            else f"predictions cannot be compared: {predictions.get('error')}"
        )
        parts.append(counted)
    if isinstance(changes, list) and changes:
        parts.append("made of something else: " + ", ".join(map(_change, changes)))
    return "; ".join(parts)


def _change(change: list[object]) -> str:
    path, *values = change
    then, now = ("not told" if value is None else value for value in values)
    return f"{path} {then} -> {now}"


def _run(trainer: Trainer, release: Release, spec: Spec) -> RunSeen:
    """The run that goes for the release, or a new one under the next free name."""
    number = 1
    while (seen := trainer.look(names.reproduction_id(release.id, number))) is not None:
        if seen.status in GOING:
            return seen
        number += 1
    run_id = names.reproduction_id(release.id, number)
    request = RunRequest(
        run_id=run_id,
        model=release.model,
        step="reproduce",
        folder=release.folder,
        inputs={"data": f"dataset:{release.manifest}", "candidate": f"version:{release.version}"},
        parameters=dict(spec.train.parameters),
        tags={"baton.release": release.id, "baton.model": release.model, "baton.folder": release.folder},
        max_seconds=spec.train.max_minutes * 60 + BESIDE_SECONDS,
        max_memory_mb=spec.train.max_memory_mb,
    )
    trainer.start(request)
    return RunSeen(run_id, "queued")
