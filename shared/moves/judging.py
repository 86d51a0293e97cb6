"""A candidate is judged: against what serves now, on the same rows, by the gates of its folder."""

from __future__ import annotations

from datetime import timedelta

from shared import gates
from shared.events import ChampionSeen, RunEnded
from shared.folding.turn import Turn
from shared.gating import holdout_budget
from shared.gating.verdict import Document, number
from shared.moves import certifying, champion, release_runs, shipping
from shared.moves.stale import Stale
from shared.state import Release

REGISTERING = timedelta(minutes=15)
JUDGED_AT_MOST = 6


def to_judging(turn: Turn, release: Release) -> None:
    """Ask what serves now, before anything is compared with it."""
    release = turn.move(
        release, "judging", within=release_runs.JUDGING, owner="platform", run="", ready=False, attempt=1
    )
    turn.send("observe_champion", release)


def champion_seen(turn: Turn, release: Release, event: ChampionSeen) -> str:
    """For judging: compare with what serves. For staging: what serves must still be what was judged against."""
    if release.state == "judging":
        if release.run:
            raise Stale(f"{release.id} is being judged already")
        folder = champion.folder_of(turn, event.version) or release.folder
        release = turn.set(release, against=event.version, against_folder=folder if event.version else "")
        release_runs.start(turn, release, "judge")
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


def judged(turn: Turn, release: Release, event: RunEnded) -> None:
    """The gates answer; a candidate that passes is registered, certified or staged, whichever is next."""
    rules, spent = turn.spec_of(release).gates, _spend(turn, release, event.result)
    verdict = gates.judge(rules, event.result, against=release.against, share=spent.get("share"))
    gain = {**_measured(event.result), **spent}
    release = turn.set(release, evidence=event.report, verdict=certifying.story(verdict), gain=gain)
    if certifying.held(turn, release, verdict):
        return
    turn.note("candidate passed the gates", release, rule="gates", why=release.verdict, numbers=gain)
    if release.certificate:
        certifying.deploy(turn, release)
        return
    if release.version:
        certifying.start_certifying(turn, release)
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
