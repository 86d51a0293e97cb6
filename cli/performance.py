"""How well the version that serves predicts, once it is known what was true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cli import options, storage
from cli.telling import DONE, SAID_NO, columns, tell_json, tell_next
from shared import wiring
from shared.monitoring.drifting import NothingToCompare
from shared.monitoring.labels import SCORED, Answer, answers, labels_place, read_labels
from shared.monitoring.performance import Judged, Measured, Worse, became_worse, judged, measured
from shared.web.words import number

CSV = "text/csv"


@click.command()
@click.argument("model")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.as_json
def labels(model: str, file: Path, wants_json: bool) -> None:
    """Tell what was true of requests that a model answered.

    FILE is CSV with the columns request_id and label, and row (from 0) where a request held several. The request's id is the
    x-request-id of its answer. The same file again changes nothing.

    \b
    Example:  baton labels diabetes outcomes.csv
    """
    content = file.read_bytes()
    found = read_labels(content, name=file.name)
    place = labels_place(model, content)
    storage.keeper().blobs.put(SCORED, place, content, content_type=CSV)
    if wants_json:
        tell_json({"model": model, "labels": len(found), "blob": f"{SCORED}/{place}"})
        return
    click.echo(f"{len(found)} labels of {model} are kept as {SCORED}/{place}")
    tell_next(f"baton performance {model}")


@click.command()
@click.argument("model")
@click.option("--days", default=30, show_default=True, help="How far to look back.")
@options.as_json
def performance(model: str, days: int, wants_json: bool) -> int:
    """Measure the version that serves by the labels that came, day by day.

    What has no label yet is not measured. Where the model answers probabilities, what they say of the metric stands beside it,
    marked as an estimate. Exit code 0 as good as when it was judged or not known yet, 2 it became worse.

    \b
    Example:  baton performance diabetes
    """
    keeper = storage.keeper()
    head = keeper.book.head(model)
    if head is None or head.champion is None:
        raise NothingToCompare(f"no version of {model} serves yet", next=f"baton status {model}")
    then = judged(keeper.book, keeper.blobs, wiring.published_rules(keeper.blobs), model, head.champion.version)
    since = storage.now() - timedelta(days=days)
    found = [one for one in answers(keeper.blobs, model, since) if one.version == then.version]
    whole = measured("all", found, then.gates)
    verdict = became_worse(whole, then)
    every = [*_by_day(found, then), whole]
    if wants_json:
        tell_json(_json(then, every, verdict))
    else:
        _tell(model, then, every, verdict)
    return SAID_NO if verdict.worse else DONE


def _by_day(found: Sequence[Answer], then: Judged) -> list[Measured]:
    days: dict[str, list[Answer]] = {}
    for one in found:
        days.setdefault(f"{one.at:%Y-%m-%d}", []).append(one)
    return [measured(day, days[day], then.gates, labelled=found) for day in sorted(days)]


def _json(then: Judged, every: list[Measured], verdict: Worse) -> dict[str, Any]:
    judged_at = {"version": then.version, "metric": then.gates.metric, "value": then.value, "rows": then.rows}
    return {"judged": judged_at, "measured": [asdict(one) for one in every], **asdict(verdict)}


def _tell(model: str, then: Judged, every: list[Measured], verdict: Worse) -> None:
    gates = then.gates
    click.echo(
        f"{model}: version {then.version}, {gates.metric}, {gates.direction} is better; "
        f"{number(then.value)} when it was judged on {then.rows} rows"
    )
    for line in columns(_line(one) for one in every):
        click.echo(line)
    click.echo(f"{'worse' if verdict.worse else 'not worse'}: {verdict.why}")
    if verdict.worse:
        tell_next(f'baton retrain {model} --why "..."')


def _line(one: Measured) -> list[str]:
    known = f"{one.rows} of {one.answered} answered rows have labels"
    bounds = f"({number(one.lower)} to {number(one.upper)})" if one.lower is not None and one.upper is not None else ""
    value = number(one.value) if one.value is not None else "–"
    expected = f"estimate {number(one.estimate)}" if one.estimate is not None else ""
    return [one.name, known, value, bounds, expected]
