"""A release in the building slot: training, judging, registering, certifying, staging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from shared import gates, names
from shared.events import ChampionSeen, DeploymentEnded, RunEnded, RunStarted, VersionRegistered
from shared.folding.turn import Turn
from shared.gating import holdout_budget, remedies
from shared.gating.verdict import Document, Verdict, at, is_number, number
from shared.moves import champion, costs, shipping, versions
from shared.moves.stale import Stale
from shared.state import Cause, Release
from shared.table.room import cut

PLATFORM_SLACK = timedelta(minutes=5)
JUDGING = timedelta(minutes=30)
REGISTERING = timedelta(minutes=15)
CERTIFYING = timedelta(minutes=30)
STAGING = timedelta(minutes=30)
LOOK_EVERY = timedelta(seconds=20)
TRIES = 2
MENDED_IN = {
    "sane_predictions": "train.py or score.py",
    "starts": "score.py or requirements.txt",
    "cases_pass": "score.py or tests/cases.json",
    "refuses_malformed": "score.py",
}
JUDGED_AT_MOST = 6
VERDICT_ROOM = 2000


def open_training(
    turn: Turn,
    causes: tuple[Cause, ...],
    *,
    first_new_file: int,
    why: str,
    pinned: bool,
    traced: Mapping[str, Any],
) -> None:
    """Open a release that trains on the files accepted so far, or on the version that is pinned.

    `traced` names its data and code, and how often drift alone had them trained again.
    """
    if pinned:
        pin, files = versions.take_pin(turn)
        release = turn.open(causes, "training", files=files, first_new_file=files + 1, pinned=pin, **traced)
    else:
        files = turn.head.next_file - 1
        release = turn.open(causes, "training", files=files, first_new_file=first_new_file, **traced)
        versions.cut_version(turn, release)
    named = ", ".join(f"{cause.kind} ({cause.detail})" for cause in causes)
    turn.note("release opened", release, why=f"{named}; {why}", numbers=_of_opening(release))
    _start(turn, release, "train")


def _of_opening(release: Release) -> dict[str, float]:
    numbers = {"files": float(release.files), "depth": float(release.depth)}
    return {name: number for name, number in numbers.items() if number or name == "files"}


def open_judging(turn: Turn, causes: tuple[Cause, ...], **fields: Any) -> None:
    """Open a release for a version or run that somebody else made: it passes the same gates."""
    release = turn.open(causes, "judging", files=turn.head.next_file - 1, **fields)
    versions.cut_version(turn, release)
    turn.note("release opened", release, why=f"{causes[0].kind} {causes[0].detail} is judged like any other")
    to_judging(turn, release)


def _start(turn: Turn, release: Release, step: str) -> None:
    """Start the step's run under a name that is chosen here, before the platform hears of it."""
    made = release.runs.get(step, 0) + 1
    run = names.run_id(release.id, step, made)
    state = {"train": "training", "judge": "judging", "certify": "certifying"}[step]
    slack = PLATFORM_SLACK if step == "train" else timedelta(0)
    within = longest(turn, release, state) + slack
    fields = {"train_run": run} if step == "train" else {}
    runs = {**release.runs, step: made}
    release = turn.move(release, state, within=within, owner="platform", run=run, runs=runs, **fields)
    turn.send("start_run", release, run_id=run, step=step, folder=release.folder, **_inputs(turn, release, step))


def longest(turn: Turn, release: Release, state: str = "") -> timedelta:
    """How long the run of a state, the release's own by default, may take."""
    if (state or release.state) == "training":
        return timedelta(minutes=turn.spec_of(release).train.max_minutes)
    return JUDGING if (state or release.state) == "judging" else CERTIFYING


def _inputs(turn: Turn, release: Release, step: str) -> dict[str, Any]:
    """What the step reads, by name: the dataset version, the candidate, the champion with its folder."""
    candidate = f"version:{release.version}" if release.version else f"run:{release.train_run}"
    if step == "train":
        return {**versions.inputs(turn, release), **_warm_start(turn, release)}
    if step == "certify" and not turn.spec_of(release).gates.certificate.checks:
        return {"candidate": candidate}
    serving = {"champion": release.against, "champion_folder": release.against_folder}
    return {**versions.inputs(turn, release), "candidate": candidate, **serving}


def _warm_start(turn: Turn, release: Release) -> dict[str, Any]:
    """The version that serves, as last seen, whose files the training may begin with; nothing where none does or nobody asks."""
    serving = turn.head.champion
    if turn.spec_of(release).train.warm_start == "none" or serving is None:
        return {}
    return {"champion": serving.version}


def to_judging(turn: Turn, release: Release) -> None:
    """Ask what serves now, before anything is compared with it."""
    release = turn.move(release, "judging", within=JUDGING, owner="platform", run="", ready=False, attempt=1)
    turn.send("observe_champion", release)


def run_started(turn: Turn, event: RunStarted) -> str:
    """The platform has the run; it is looked at now and then, in case its event is lost."""
    release = _found_waiting(turn, event.run_id)
    versions.named(turn, event, release)
    if release is None:
        turn.send("cancel_run", run_id=event.run_id)
        raise Stale(f"no open release waits for run {event.run_id}, so it is stopped")
    if event.manifest and (release.state == "training" or not release.manifest):
        release = turn.set(release, manifest=event.manifest)
    look_at_run(turn, release, event.run_id, after=LOOK_EVERY)
    turn.note(f"run started for {release.state}", release, why=event.run_id)
    return f"run {event.run_id} started"


def look_at_run(turn: Turn, release: Release, run_id: str, *, after: timedelta = timedelta(0)) -> None:
    """Ask how far a run is. A certificate that comes of it names the journal as it is now."""
    witness = {"journal": turn.journal} if release.state == "certifying" else {}
    turn.send("look_at_run", release, after=after, run_id=run_id, **witness)


def _waiting_for(turn: Turn, run_id: str) -> Release:
    found = _found_waiting(turn, run_id)
    if found is None:
        raise Stale(f"no open release waits for run {run_id}")
    return found


def _found_waiting(turn: Turn, run_id: str) -> Release | None:
    return next((release for release in turn.releases.values() if release.run == run_id), None)


def run_ended(turn: Turn, event: RunEnded) -> str:
    """A run's result is read: go on, judge by it, or try again."""
    release = _waiting_for(turn, event.run_id)
    costs.took(turn, release, event.seconds)
    if event.status != "completed":
        return _run_failed(turn, release, event)
    if release.state == "training":
        _trained(turn, release, event)
    elif release.state == "judging":
        _judged(turn, release, event)
    else:
        _certified(turn, release, event)
    return f"run {event.run_id} completed"


def _run_failed(turn: Turn, release: Release, event: RunEnded) -> str:
    tries = turn.spec_of(release).train.tries if release.state == "training" else TRIES
    reason = f"run {event.run_id} {event.status}: {event.reason}"
    if release.attempt >= tries:
        mend = f"mend the folder, `baton publish models/{release.model}`, then `baton retry {release.id} --why ...`"
        todo = f"`baton logs {release.id}` shows the run's last words; {mend}"
        turn.end(release, "failed", reason, next=todo, numbers={"tries": release.attempt})
        return reason
    turn.note("run failed, trying again", release, why=reason, numbers={"try": release.attempt}, level="warning")
    release = turn.set(release, attempt=release.attempt + 1)
    step = {"training": "train", "judging": "judge", "certifying": "certify"}[release.state]
    _start(turn, release, step)
    return reason


def _trained(turn: Turn, release: Release, event: RunEnded) -> None:
    found = event.result.get("metrics")
    logged = found if isinstance(found, Mapping) else {}
    metrics = {str(name): float(value) for name, value in logged.items() if is_number(value)}
    release = turn.set(release, trained=event.report)
    why = "; ".join((event.run_id, *_found_by(event.result)))
    turn.note("candidate trained", release, why=why, numbers={**metrics, "seconds": event.seconds})
    to_judging(turn, release)


def _found_by(result: Document) -> Iterator[str]:
    """What a search found, and what the training began with, in words."""
    search = result.get("search")
    if isinstance(search, Mapping) and isinstance(search.get("best"), Mapping):
        best, failed = search["best"], search.get("failed") or 0
        value = number(search, "best", "value")
        parameters = ", ".join(f"{name} {given}" for name, given in dict(best.get("parameters") or {}).items())
        wrong = f", {failed} failed" if failed else ""
        told = f"best of {search.get('trials')} trials{wrong}: {parameters}"
        yield cut(f"{told} ({search.get('metric')} {value:g} on validation rows)" if value is not None else told, 300)
    if version := at(result, "warm_start", "version"):
        yield f"begun with the files of version {version}"


def champion_seen(turn: Turn, release: Release, event: ChampionSeen) -> str:
    """For judging: compare with what serves. For staging: what serves must still be what was judged against."""
    if release.state == "judging":
        if release.run:
            raise Stale(f"{release.id} is being judged already")
        folder = champion.folder_of(turn, event.version) or release.folder
        release = turn.set(release, against=event.version, against_folder=folder if event.version else "")
        _start(turn, release, "judge")
        return f"version {event.version} serves" if event.version else "nothing serves yet"
    if event.version != release.against:
        why = f"version {event.version or 'none'} serves now, judged against {release.against or 'none'}"
        turn.note("champion changed", release, why=f"{why}: judged again", level="warning")
        _judge_again(turn, release, why)
        return why
    return shipping.reach_slot(turn, release)


def _judge_again(turn: Turn, release: Release, why: str) -> None:
    if release.runs.get("judge", 0) >= JUDGED_AT_MOST:
        todo = f"baton retry {release.id} --why ..."
        turn.end(release, "held", f"{why}, and it was judged {JUDGED_AT_MOST} times", next=todo)
    else:
        to_judging(turn, release)


def _judged(turn: Turn, release: Release, event: RunEnded) -> None:
    rules, spent = turn.spec_of(release).gates, _spend(turn, release, event.result)
    verdict = gates.judge(rules, event.result, against=release.against, share=spent.get("share"))
    gain = {**_measured(event.result), **spent}
    release = turn.set(release, evidence=event.report, verdict=_story(verdict), gain=gain)
    if _held(turn, release, verdict):
        return
    turn.note("candidate passed the gates", release, rule="gates", why=release.verdict, numbers=gain)
    if release.certificate:
        _deploy(turn, release)
        return
    if release.version:
        _start_certifying(turn, release)
        return
    release = turn.move(release, "registering", within=REGISTERING, owner="platform", run="")
    turn.send("register_version", release, run_id=release.train_run, folder=release.folder)


def _spend(turn: Turn, release: Release, evidence: Document) -> dict[str, float]:
    """What the comparison may spend of the holdout's error budget: it was looked at, whatever the gates say of it."""
    if not turn.spec_of(release).gates.holdout.error_budget or evidence.get("gain") is None:
        return {}
    after, share = holdout_budget.spend(turn.head.holdout, evidence)
    turn.set_head(holdout=after)
    return {"share": share, "left": after.left}


def _held(turn: Turn, release: Release, verdict: Verdict) -> bool:
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


def _story(verdict: Verdict) -> str:
    return cut("; ".join(f"{result.gate}: {result.why}" for result in verdict.results), VERDICT_ROOM)


def _measured(evidence: Document) -> dict[str, float]:
    """What an approver and the pages show of the evidence: both values, the gain with its bounds, the rows."""
    paths = {
        "rows": ("rows",),
        "rows_new": ("rows_new",),
        "candidate": ("candidate", "value"),
        "champion": ("champion", "value"),
        "gain": ("gain", "mean"),
        "lower": ("gain", "lower"),
        "upper": ("gain", "upper"),
        "p": ("gain", "p"),
    }
    found = {name: number(evidence, *path) for name, path in paths.items()}
    return {name: value for name, value in found.items() if value is not None}


def version_registered(turn: Turn, release: Release, event: VersionRegistered) -> str:
    """The candidate has a version; next its certificate."""
    if release.state != "registering":
        raise Stale(f"{release.id} is {release.state}")
    release = turn.set(release, version=event.version)
    turn.note("candidate registered", release, why=f"version {event.version}")
    _start_certifying(turn, release)
    return f"version {event.version}"


def _start_certifying(turn: Turn, release: Release) -> None:
    _start(turn, turn.set(release, attempt=1), "certify")


def _certified(turn: Turn, release: Release, event: RunEnded) -> None:
    verdict = gates.certify(turn.spec_of(release).gates.certificate, event.result)
    signature = event.result.get("signature")
    release = turn.set(release, certificate=event.report, signature=signature if isinstance(signature, str) else "")
    if _held(turn, release, verdict):
        return
    turn.note("certificate earned", release, rule="certificate", why=_story(verdict))
    _deploy(turn, release)


def _deploy(turn: Turn, release: Release) -> None:
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
