"""A release's way as a list of steps, each with what was measured, beside its limit. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared import gates
from shared.gating.verdict import Document, GateResult
from shared.spec import Spec
from shared.state import BUILDING, ENDS, LIVE, SHIPPING, Release
from shared.web.story import Told
from shared.web.trials import Trials
from shared.web.views import causes_of
from shared.web.words import brief, count, number

CHAIN = (*BUILDING, *SHIPPING, LIVE)
Standing = Literal["done", "waiting", "ended", "ahead", "skipped"]


@dataclass(frozen=True, slots=True)
class Papers:
    """What a release's steps are told from: its rules, its documents (None if not there), its story, and what a search tried."""

    spec: Spec
    evidence: Document | None
    certificate: Document | None
    story: tuple[Told, ...]
    trials: Trials | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One state of the chain. `standing` says whether it is over, waited in now, where the release ended, or not reached."""

    state: str
    standing: Standing
    began: datetime | None = None
    over: datetime | None = None
    facts: tuple[tuple[str, str], ...] = ()
    gates: tuple[GateResult, ...] = field(default=())


def steps(release: Release, papers: Papers) -> tuple[Step, ...]:
    """Every state of the chain, in order, with what is known of it."""
    times = _times(release)
    at = _reached(release)
    return tuple(_step(state, release, papers, times, at) for state in CHAIN)


def _times(release: Release) -> Mapping[str, tuple[datetime, datetime | None]]:
    """State to when it was last reached and left."""
    moments = [(state, datetime.fromisoformat(moment)) for state, moment in release.past]
    left = [moment for _, moment in moments[1:]]
    return {state: (began, over) for (state, began), over in zip(moments, [*left, None], strict=True)}


def _reached(release: Release) -> str:
    """The last state of the chain that the release was in."""
    return next((state for state, _ in reversed(release.past) if state in CHAIN), CHAIN[0])


def _step(
    state: str,
    release: Release,
    papers: Papers,
    times: Mapping[str, tuple[datetime, datetime | None]],
    at: str,
) -> Step:
    if CHAIN.index(state) > CHAIN.index(at):
        return Step(state, "ahead")
    if state not in times:
        return Step(state, "skipped")
    began, over = times[state]
    facts = tuple(FACTS[state](release, papers))
    return Step(state, _standing(state, release, at), began, over, facts, _gates(state, release, papers))


def _standing(state: str, release: Release, at: str) -> Standing:
    if state != at:
        return "done"
    if release.state in ENDS:
        return "done" if state == LIVE else "ended"
    return "done" if state == LIVE else "waiting"


def _gates(state: str, release: Release, papers: Papers) -> tuple[GateResult, ...]:
    """The gates' answers, by the same pure rules on the same documents that decided."""
    if state == "judging" and papers.evidence is not None:
        share = release.gain.get("share")
        return gates.judge(papers.spec.gates, papers.evidence, against=release.against, share=share).results
    if state == "certifying" and papers.certificate is not None:
        return gates.certify(papers.spec.gates.certificate, papers.certificate).results
    return ()


Facts = Iterable[tuple[str, str]]


def _training(release: Release, papers: Papers) -> Facts:
    yield "caused by", causes_of(release)
    new = release.files - release.first_new_file + 1
    yield "trained on", f"{count(release.files, 'file')}, {new} of them new"
    for told in _told(papers.story, "candidate trained"):
        took = told.numbers.get("seconds", 0.0)
        yield "training time", f"{number(took)} s, at most {number(papers.spec.train.max_minutes)} min"
        yield from ((name, number(value)) for name, value in told.numbers.items() if name != "seconds")


def _judging(release: Release, papers: Papers) -> Facts:
    metric = papers.spec.gates.metric
    if "candidate" in release.gain:
        yield f"candidate's {metric}", _with_floor(release, papers.spec)
    if "champion" in release.gain:
        yield f"champion's {metric}", f"{number(release.gain['champion'])} (version {release.against})"
    elif release.gain:
        yield "champion", "none: the floor decides"
    if "rows" in release.gain:
        new = f", {number(release.gain['rows_new'])} of them new" if "rows_new" in release.gain else ""
        yield "holdout rows", f"{number(release.gain['rows'])}{new}, at least {papers.spec.gates.min_rows}"
    if "left" in release.gain:
        yield "error budget", _budget(release.gain["left"], release.gain.get("rows", 0.0))
    if papers.evidence is None and release.verdict:
        yield "verdict", release.verdict


def _budget(left: float, rows: float) -> str:
    """What this comparison left, and how many fresh rows fill it, as `holdout_budget.Looks` says it of the model."""
    fill = f"; {math.ceil((1 - left) * rows)} fresh holdout rows fill it" if rows else ""
    return f"{number(100 * left)} % of it is left for this holdout after this comparison{fill}"


def _with_floor(release: Release, spec: Spec) -> str:
    words = "at most" if spec.gates.direction == "lower" else "at least"
    return f"{number(release.gain['candidate'])}, {words} {number(spec.gates.floor)}"


def _registering(release: Release, papers: Papers) -> Facts:
    if release.version:
        yield "version", release.version


def _certifying(release: Release, papers: Papers) -> Facts:
    if papers.certificate is None:
        yield from (("certificate", told.why) for told in _told(papers.story, "certificate earned"))


def _staging(release: Release, papers: Papers) -> Facts:
    yield from (("staged", told.why) for told in _told(papers.story, "staged"))
    if release.ready and release.state == "staging":
        yield "waits for", "the shipping slot"


def _approval(release: Release, papers: Papers) -> Facts:
    if release.approved_by:
        yield "approved by", f"{release.approved_by}: {release.approved_why}"
    elif release.state == "rejected":
        yield "rejected by", release.why
    else:
        yield "asked", release.owner or ", ".join(papers.spec.approval.approvers)


def _rolling_out(release: Release, papers: Papers) -> Facts:
    plan = papers.spec.rollout
    yield "plan", " → ".join(f"{step} %" for step in plan.steps)
    yield "each step", f"{number(plan.bake_seconds)} s, {count(plan.min_requests, 'request')} or more"
    yield "errors allowed", f"{number(plan.max_error_percent)} %"
    for told in papers.story:
        if told.what == "traffic set":
            yield f"traffic, {brief(told.at)}", told.why
        elif told.what == "roll-out step passed":
            yield "step passed", told.why
    if release.back_why:
        yield "taken back", release.back_why


def _live(release: Release, papers: Papers) -> Facts:
    yield from (("serves", told.why) for told in _told(papers.story, "release live"))


FACTS = {
    "training": _training,
    "judging": _judging,
    "registering": _registering,
    "certifying": _certifying,
    "staging": _staging,
    "awaiting approval": _approval,
    "rolling out": _rolling_out,
    LIVE: _live,
}


def _told(story: tuple[Told, ...], what: str) -> list[Told]:
    return [told for told in story if told.what == what][-1:]
