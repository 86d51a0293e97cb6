"""Runs and versions: started under a name of ours, looked at, registered."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared import names
from shared.effects.certificates import sign_certificate
from shared.effects.datasets import write_version
from shared.effects.files import JSON, REPORTS
from shared.effects.parts import Later, Parts
from shared.events import CommandDone, Outcome, RunEnded, RunStarted, VersionRegistered
from shared.files.keeping import BYTES
from shared.model_yaml import searching
from shared.names import digest
from shared.platforms.port import TRACE_TAG, RunRequest, RunSeen
from shared.state import ENDS, Command

FILE_ENDING = re.compile("[a-z0-9]{1,8}")
LOOK_AGAIN = timedelta(seconds=20)
STILL_GOING = ("queued", "running")
JUDGE_SECONDS = 900.0
RESULT_BYTES = 12_000  # it is journalled with the event and with what is told of it, in one row


def start_run(parts: Parts, model: str, command: Command) -> Outcome:
    """Start a run under its name, or find it. Its dataset version's manifest is written first.

    Where its release has ended meanwhile, the version that it had cut is given back, so none is written and nothing started.
    A run that is there all the same, since its start was not recorded, is told of, so that the chain knows it and stops it.
    """
    what = command.payload
    release = parts.book.release(model, command.release)
    waited_for = release is not None and release.state not in ENDS and release.run == what["run_id"]
    if not waited_for and parts.trainer.look(what["run_id"]) is None:
        detail = f"nobody waits for {what['run_id']}"
        return CommandDone(**parts.stamp(model, command), name="start_run", detail=detail)
    spec = parts.rules(model, what["folder"])
    manifest = write_version(parts, model, command) if "files" in what else ""
    checks = sum(check.max_seconds for check in spec.gates.certificate.checks.values())
    seconds = {"train": spec.train.max_minutes * 60, "certify": JUDGE_SECONDS + checks}.get(what["step"], JUDGE_SECONDS)
    request = RunRequest(
        run_id=what["run_id"],
        model=model,
        step=what["step"],
        folder=what["folder"],
        inputs=_inputs(what, manifest),
        parameters=dict(spec.train.parameters) if what["step"] == "train" else {},
        tags={
            "baton.release": command.release,
            "baton.model": model,
            "baton.folder": what["folder"],
            **_traced(command),
        },
        max_seconds=seconds,
        max_memory_mb=spec.train.max_memory_mb,
        sweep=searching.sweep(spec) if what["step"] == "train" else None,
    )
    parts.trainer.start(request)
    return RunStarted(**parts.stamp(model, command), run_id=what["run_id"], manifest=manifest)


def _traced(command: Command) -> dict[str, str]:
    """The tag by which the platform's events come back with the trace of what they are about."""
    return {TRACE_TAG: command.trace} if command.trace else {}


def _inputs(what: Any, manifest: str) -> dict[str, str]:
    inputs = {"data": f"dataset:{manifest}"} if manifest else {}
    if what.get("candidate"):
        inputs["candidate"] = what["candidate"]
    if what.get("champion"):
        inputs["champion"] = f"version:{what['champion']}"
    if what.get("champion_folder"):
        inputs["champion_folder"] = f"folder:{what['champion_folder']}"
    return inputs


def look_at_run(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Ask how far a run is. Its result becomes evidence in `reports` before anybody decides on it."""
    run_id = command.payload["run_id"]
    seen = parts.trainer.look(run_id)
    if seen is None:
        reason = "the platform knows no such run"
        return RunEnded(**parts.stamp(model, command), run_id=run_id, status="failed", reason=reason)
    if seen.status in STILL_GOING:
        release = parts.book.release(model, command.release)
        if release is None or release.run != run_id:
            return CommandDone(**parts.stamp(model, command), name="look_at_run", detail=f"nobody waits for {run_id}")
        return Later(LOOK_AGAIN)
    seen = _witnessed(_without_attachments(parts, model, seen), command.payload.get("journal", ""))
    stamp, report, seconds = parts.stamp(model, command), _keep_result(parts, model, seen), round(seen.seconds, 1)
    if seen.status == "completed" and names.step_of_run(run_id) == "certify":
        signature = sign_certificate(parts, model, command, run_id, report, seen.result)
        seen = replace(seen, result={**seen.result, "signature": signature})
    size = len(json.dumps(dict(seen.result)))
    if size > RESULT_BYTES:
        reason = (
            f"its result has {size} bytes, at most {RESULT_BYTES} are taken: log fewer metrics, it is kept as {report}"
        )
        return RunEnded(**stamp, run_id=run_id, status="failed", reason=reason, report=report, seconds=seconds)
    reason, result = seen.reason[:1000], dict(seen.result)
    return RunEnded(
        **stamp, run_id=run_id, status=seen.status, reason=reason, result=result, report=report, seconds=seconds
    )


def _without_attachments(parts: Parts, model: str, seen: RunSeen) -> RunSeen:
    """Large documents and files of a result become blobs of their own, named by their hash; it keeps where they are."""
    attached = seen.result.get("attachments")
    if not isinstance(attached, Mapping):
        return seen
    kept = {}
    for name, document in attached.items():
        content, ending, kind = _attached(document)
        blob = f"{model}/attached/{name}-{digest(content)}.{ending}"
        parts.blobs.put(REPORTS, blob, content, content_type=kind)
        kept[name] = {"blob": f"{REPORTS}/{blob}", "sha256": digest(content), "bytes": len(content)}
    return replace(seen, result={**seen.result, "attachments": kept})


def _attached(document: object) -> tuple[bytes, str, str]:
    """The bytes of an attachment, the ending of its name, and its content type; {"ending", "base64"} and no more is a file.

    >>> _attached({"ending": "onnx", "base64": "AAE="}), _attached({"b": 1, "a": 2})
    ((b'\\x00\\x01', 'onnx', 'application/octet-stream'), (b'{"a": 2, "b": 1}', 'json', 'application/json'))
    """
    if isinstance(document, Mapping) and set(document) == {"ending", "base64"}:
        ending = str(document["ending"])
        try:
            content = base64.b64decode(str(document["base64"]), validate=True)
        except binascii.Error:
            content = b""
        if content and FILE_ENDING.fullmatch(ending):
            return content, ending, BYTES
    return json.dumps(document, sort_keys=True).encode(), "json", JSON


def _witnessed(seen: RunSeen, journal: str) -> RunSeen:
    """A certificate with the line and hash that the journal ended with when it was asked for."""
    if not journal or not seen.result:
        return seen
    return replace(seen, result={**seen.result, "journal": journal})


def _keep_result(parts: Parts, model: str, seen: RunSeen) -> str:
    """Write the result document under its hash; returns where, or "" if there is none."""
    if not seen.result:
        return ""
    content = json.dumps(seen.result, indent=1, sort_keys=True).encode()
    name = f"{model}/runs/{seen.run_id}-{digest(content)[:16]}.json"
    parts.blobs.put(REPORTS, name, content, content_type=JSON)
    return f"{REPORTS}/{name}"


def cancel_run(parts: Parts, model: str, command: Command) -> Outcome:
    """Stop a run that nobody waits for any more."""
    parts.trainer.cancel(command.payload["run_id"])
    return CommandDone(**parts.stamp(model, command), name="cancel_run", detail=command.payload["run_id"])


def register_version(parts: Parts, model: str, command: Command) -> Outcome:
    """Register what a training run made; get-or-create under the run's id."""
    run_id = command.payload["run_id"]
    tags = {"baton.release": command.release, "baton.run_id": run_id, "baton.folder": command.payload["folder"]}
    version = parts.registry.register(model, run_id=run_id, tags={**tags, **_traced(command)})
    return VersionRegistered(**parts.stamp(model, command), version=version)
