"""What follows a verdict: a release that is held by a gate, a certificate, a staged deployment."""

from __future__ import annotations

from datetime import timedelta

from shared import gates
from shared.events import DeploymentEnded, RunEnded, VersionRegistered
from shared.folding.turn import Turn
from shared.gating import remedies
from shared.gating.verdict import Verdict
from shared.moves import release_runs
from shared.moves.stale import Stale
from shared.state import Release
from shared.table.room import cut

STAGING = timedelta(minutes=30)
MENDED_IN = {
    "sane_predictions": "train.py or score.py",
    "plausible": "train.py or the contract (is the target among the features?), or state gates.sanity.max_jump_percent,",
    "no_overlap": "data.key of model.yaml, or state gates.sanity.max_overlap_percent,",
    "same_schema": "the contract, or raise its version,",
    "starts": "score.py or requirements.txt",
    "cases_pass": "score.py or tests/cases.json",
    "refuses_malformed": "score.py",
}
VERDICT_ROOM = 2000


def version_registered(turn: Turn, release: Release, event: VersionRegistered) -> str:
    """The candidate has a version; next its certificate."""
    if release.state != "registering":
        raise Stale(f"{release.id} is {release.state}")
    release = turn.set(release, version=event.version)
    turn.note("candidate registered", release, why=f"version {event.version}")
    start_certifying(turn, release)
    return f"version {event.version}"


def start_certifying(turn: Turn, release: Release) -> None:
    """Start the run that makes the certificate."""
    release_runs.start(turn, turn.set(release, attempt=1), "certify")


def certified(turn: Turn, release: Release, event: RunEnded) -> None:
    """A certificate that keeps all limits is staged."""
    verdict = gates.certify(turn.spec_of(release).gates.certificate, event.result)
    signature = event.result.get("signature")
    release = turn.set(release, certificate=event.report, signature=signature if isinstance(signature, str) else "")
    if held(turn, release, verdict):
        return
    turn.note("certificate earned", release, rule="certificate", why=story(verdict))
    deploy(turn, release)


def deploy(turn: Turn, release: Release) -> None:
    """Stage the version: a deployment without traffic."""
    release = turn.move(release, "staging", within=STAGING, owner="platform", run="")
    turn.send("deploy_staging", release, version=release.version, folder=release.folder)


def deployment_ended(turn: Turn, event: DeploymentEnded, release: Release | None) -> str:
    """The staged server answers, or it does not and production stays untouched."""
    if release is None:
        turn.send("clean_up", deployment=event.deployment)
        raise Stale("its release has ended, so the deployment is removed")
    if release.state != "staging":
        raise Stale(f"{release.id} is {release.state}")
    if not event.healthy:
        again = f"`baton publish models/{release.model}`, then `baton retry {release.id} --why ...`"
        todo = f"mend score.py or requirements.txt, {again}"
        turn.end(release, "failed", f"staging did not start: {event.reason}", next=todo)
        return event.reason
    turn.note("staged", release, why=f"deployment {event.deployment} answers, with no traffic")
    turn.send("observe_champion", release)
    return "staged"


def held(turn: Turn, release: Release, verdict: Verdict) -> bool:
    """End the release as held by the first gate that did not pass, if there is one."""
    failure = verdict.first_failure
    if failure is None:
        return False
    todo, numbers = _to_mend(release, failure.gate), dict(failure.numbers)
    passes = remedies.of_gate(failure.gate, numbers)
    why = f"{failure.gate}: {failure.why}"
    turn.end(release, "held", why, next=todo, rule=failure.gate, numbers=numbers, passes=passes)
    return True


def _to_mend(release: Release, gate: str) -> str:
    """What helps where a gate found something broken; nothing needs to be done about a candidate that is only worse."""
    again, place = f"`baton retry {release.id} --why ...`", f"models/{release.model}"
    if gate == "evidence_complete":
        return f"`baton logs {release.id}` shows what was said while judging; {again} tries again"
    if gate not in MENDED_IN:
        return ""
    return f"mend {MENDED_IN[gate]} in {place}, `baton publish {place}`, then {again}"


def story(verdict: Verdict) -> str:
    """The gates' answers in one line, in their order."""
    return cut("; ".join(f"{result.gate}: {result.why}" for result in verdict.results), VERDICT_ROOM)
