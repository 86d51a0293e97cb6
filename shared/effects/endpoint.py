"""The endpoint: what serves, staging, traffic and its roll-out steps."""

from __future__ import annotations

import json
from datetime import timedelta

from shared import names
from shared.effects.certificates import verify_for_deployment
from shared.effects.parts import Later, Parts
from shared.errors import Retryable, TrafficMoved
from shared.events import (
    ChampionSeen,
    CommandDone,
    DeploymentEnded,
    Outcome,
    StepSeen,
    TrafficRefused,
    TrafficSet,
)
from shared.gating.metric_facts import OF_NUMBERS
from shared.platforms.following import Following, Monitoring
from shared.platforms.port import Deployment, DeployRequest, EndpointSeen, Registry
from shared.spec import Spec
from shared.state import ENDS, Command
from shared.storage.port import BlobMissing

LOOK_AGAIN, LOOK_AGAIN_AT_MOST = timedelta(seconds=1), timedelta(seconds=15)
PROBES_AT_MOST = 50


def observe_champion(parts: Parts, model: str, command: Command) -> Outcome:
    """Ask the endpoint what serves, and the registry whether it agrees. Unreadable raises, of either; "none" is said only
    where the platform says so.

    Before it is asked, the registry is told of the champion that we put in its place, if it alone serves, and the platform to
    have follow it what its folder asks for: the same state again, however often.
    """
    seen = parts.endpoints.look(model)
    serving = _most(seen)
    named = _name(parts, model, serving, command.payload.get("name", ""))
    if named and serving is not None and not command.release:
        _follow(parts, model, serving)
    return ChampionSeen(
        **parts.stamp(model, command),
        version=serving.version if serving else "",
        deployment=serving.name if serving else "",
        split=seen.split if seen else {},
        moves=command.payload.get("moves", -1),
        named=named,
        doubt=_doubt(parts.registry, model, serving.version if serving else ""),
    )


def _name(parts: Parts, model: str, serving: Deployment | None, version: str) -> bool:
    """Name the version as champion in the registry, if it still has all the traffic; whether it was."""
    if not version or serving is None or (serving.version, serving.share) != (version, 100):
        return False
    if parts.registry.version(model, version) is None:
        return False
    parts.registry.name_champion(model, version, since=parts.clock())
    return True


def _follow(parts: Parts, model: str, serving: Deployment) -> None:
    """Have the platform's monitor and batch endpoint follow the champion as its folder asks. A release that waits for the observation
    never asks for it: none is held because one of them cannot be made.
    """
    release = parts.book.release(model, serving.name)
    if release is not None:
        spec = parts.rules(model, release.folder)
        serves = Following(serving.name, serving.version, release.folder, _monitoring(spec), spec.batch)
        parts.endpoints.follow(model, serves)


def _monitoring(spec: Spec) -> Monitoring:
    task = "Regression" if spec.gates.metric in OF_NUMBERS else "Classification"
    asked = spec.monitor
    return Monitoring(asked.signals, asked.at, spec.schedule.time_zone, asked.threshold, task)


def _doubt(registry: Registry, model: str, serving: str) -> str:
    """What the registry says against what serves, with both versions; "" if it agrees, or names no champion at all."""
    if serving and registry.version(model, serving) is None:
        return f"the endpoint serves version {serving}, which the registry does not hold"
    named = registry.champion(model, serving=serving)
    if named in ("", serving):
        return ""
    served = f"version {serving}" if serving else "nothing"
    return f"the endpoint serves {served}, the registry names version {named} as champion"


def _most(seen: EndpointSeen | None) -> Deployment | None:
    serving = [deployment for deployment in (seen.deployments if seen else ()) if deployment.share > 0]
    return max(serving, key=lambda deployment: deployment.share, default=None)


def deploy_staging(parts: Parts, model: str, command: Command) -> Outcome | Later:
    """Begin the deployment under its release's name, or find it; answer when it is healthy or has failed.

    Before it begins, the certificate and the registered files are verified; `CertificateRefused` or `SignatureRefused`.
    For a release that has ended none is made any more; what an earlier try made is removed by the answer.
    """
    name = names.deployment_name(command.release)
    release = parts.book.release(model, command.release)
    if release is None or release.state in ENDS:
        reason = f"{command.release} has ended"
        return DeploymentEnded(**parts.stamp(model, command), deployment=name, healthy=False, reason=reason)
    folder, version = command.payload["folder"], command.payload["version"]
    if _deployment(parts.endpoints.look(model), name) is None:
        verify_for_deployment(parts, model, release)
    collect = bool(parts.rules(model, folder).monitor.signals)
    parts.endpoints.deploy(DeployRequest(model, name, version, folder, collect))
    found = _deployment(parts.endpoints.look(model), name)
    if found is None or found.state == "starting":
        return Later(_pause(parts.clock() - (command.asked_since or parts.clock())))
    healthy = found.state == "healthy"
    return DeploymentEnded(**parts.stamp(model, command), deployment=name, healthy=healthy, reason=found.reason[:1000])


def _pause(waited: timedelta) -> timedelta:
    """A tenth of the time that it takes so far: a laptop's server starts within seconds, a managed endpoint's in minutes.

    >>> str(_pause(timedelta(seconds=3))), str(_pause(timedelta(seconds=50))), str(_pause(timedelta(minutes=8)))
    ('0:00:01', '0:00:05', '0:00:15')
    """
    return min(max(LOOK_AGAIN, waited / 10), LOOK_AGAIN_AT_MOST)


def _deployment(seen: EndpointSeen | None, name: str) -> Deployment | None:
    return next((found for found in (seen.deployments if seen else ()) if found.name == name), None)


def set_traffic(parts: Parts, model: str, command: Command) -> Outcome:
    """Set the whole split if the expected one stands; otherwise say what was found, with nothing changed.

    Before each step the certificate and the registered files are verified; on the way back nothing is in the way.
    """
    purpose, split = command.payload["purpose"], command.payload["split"]
    release = parts.book.release(model, command.release) if purpose == "step" else None
    if release is not None:
        verify_for_deployment(parts, model, release)
    try:
        parts.endpoints.set_traffic(model, split, expected=command.payload["expected"])
    except TrafficMoved:
        seen = parts.endpoints.look(model)
        return TrafficRefused(**parts.stamp(model, command), purpose=purpose, found=seen.split if seen else {})
    counted = _deployment(parts.endpoints.look(model), names.deployment_name(command.release))
    requests, errors = (counted.requests, counted.errors) if counted else (0, 0)
    return TrafficSet(
        **parts.stamp(model, command), purpose=purpose, split=dict(split), requests=requests, errors=errors
    )


def look_at_step(parts: Parts, model: str, command: Command) -> Outcome:
    """Count what the new deployment answered; where people send too little, the owner's own cases are sent to it.

    Probes are pinned to the deployment and count like any request: they are answered by the real server.
    """
    name = command.payload["deployment"]
    counted = _deployment(parts.endpoints.look(model), name)
    missing = command.payload["enough"] - (counted.requests if counted else 0)
    if counted is not None and missing > 0:
        _probe(parts, model, command.payload["folder"], name, min(missing, PROBES_AT_MOST))
    seen = parts.endpoints.look(model)
    counted = _deployment(seen, name)
    if seen is None or counted is None:
        raise Retryable(f"deployment {name} is not to be seen", next="it is looked at again by itself")
    return StepSeen(**parts.stamp(model, command), requests=counted.requests, errors=counted.errors, split=seen.split)


def _probe(parts: Parts, model: str, folder: str, deployment: str, count: int) -> None:
    try:
        cases = json.loads(parts.blobs.read("models", f"{model}/{folder}/tests/cases.json"))
    except BlobMissing:
        return
    good = [case["request"] for case in cases if case.get("expect", {}).get("status") == 200]
    for number in range(count if good else 0):
        parts.endpoints.score(model, json.dumps(good[number % len(good)]), deployment=deployment)


def clean_up(parts: Parts, model: str, command: Command) -> Outcome:
    """Remove a deployment that nothing needs. One that has traffic again is kept, and that is said."""
    name = command.payload["deployment"]
    try:
        parts.endpoints.remove(model, name)
    except TrafficMoved:
        return CommandDone(**parts.stamp(model, command), name="clean_up", detail=f"{name} has traffic and is kept")
    return CommandDone(**parts.stamp(model, command), name="clean_up", detail=f"{name} removed")
