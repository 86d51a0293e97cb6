"""Whether a model's newer data still looks like what its champion was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli import options, storage
from cli.telling import DONE, SAID_NO, columns, tell_json, tell_next, waiting
from shared import wiring
from shared.monitoring.drift_history import DriftHistory, History, worst
from shared.monitoring.drifting import Drifting, Side, drifting
from shared.monitoring.joint_drifting import JointDrifting, joint_drifting
from shared.web.driftchart import sparkline

if TYPE_CHECKING:
    from shared.data.comparing import Change

BAR = 20


@click.command()
@click.argument("model")
@click.option("--all", "wants_all", is_flag=True, help="Every test of every column; otherwise each column's worst.")
@click.option("--over-time", "wants_history", is_flag=True, help="Each accepted file by itself, the oldest first.")
@click.option(
    "--joint", "wants_joint", is_flag=True, help="Columns together: can a classifier tell the newer rows apart?"
)
@options.as_json
def drift(model: str, wants_all: bool, wants_history: bool, wants_joint: bool, wants_json: bool) -> int:
    """Compare the newer files' columns with those that the champion was trained on.

    A column drifted if a share of its rows moved that is both larger than chance explains and large enough to matter;
    `from` is the share from which on that is certain. The chance is corrected for all columns.
    With --over-time each file is compared with what the version that served when it came was trained on.
    With --joint up to 2000 rows of each side are read on this machine, and a classifier learns to tell them apart: it sees a
    change of how columns go together, which no column shows by itself.
    Exit code 0 nothing drifted (over time: not in the last file), 2 a column did, or the columns together.

    \b
    Example:  baton drift diabetes
              baton drift diabetes --over-time
              baton drift diabetes --joint
    """
    if wants_joint and (wants_history or wants_all):
        raise click.UsageError("--joint looks at all columns at once; leave out --all and --over-time")
    keeper = storage.keeper()
    rules = wiring.published_rules(keeper.blobs)
    if wants_history:
        return _tell_history(DriftHistory(keeper.book, keeper.blobs, rules).of_model(model), wants_json=wants_json)
    if wants_joint:
        with waiting("reading rows of both sides"):
            joint = joint_drifting(keeper.book, keeper.blobs, rules, model)
        return _tell_joint(joint, wants_json=wants_json)
    found = drifting(keeper.book, keeper.blobs, rules, model)
    if wants_json:
        tell_json({**asdict(found), "drifted": found.drifted})
    else:
        _tell(found, found.changes if wants_all else worst(found.changes))
    return SAID_NO if found.drifted else DONE


def _tell(found: Drifting, changes: Iterable[Change]) -> None:
    click.echo(f"{found.model}: {_side(found.now, 'newer')} against version {found.version}, {_side(found.before)}")
    for line in columns(_line(change) for change in changes):
        click.echo(line)
    drifted = found.drifted
    click.echo(f"drifted: {', '.join(drifted)}" if drifted else "nothing drifted")
    if drifted:
        tell_next(f'look at what changed at the source; `baton retrain {found.model} --why "..."` if it is to stay')


def _tell_joint(joint: JointDrifting, *, wants_json: bool) -> int:
    found = joint.found
    if wants_json:
        tell_json(asdict(joint))
        return SAID_NO if found.drifted else DONE
    click.echo(f"{joint.model}: {_side(joint.now, 'newer')} against version {joint.version}, {_side(joint.before)}")
    click.echo(f"read: {found.rows_now} newer and {found.rows_before} older rows, columns {', '.join(found.columns)}")
    word = click.style("drift", fg="red") if found.drifted else "same"
    told = f"told apart {found.auc:.3f} ({found.lower:.3f} to {found.upper:.3f})"
    click.echo(f"{word}  {told} from {found.limit:.3f}; 0.5 is not at all, 1 always")
    if found.drifted:
        click.echo(f"most by: {', '.join(found.most)}")
        tell_next(
            f"look how these columns go together, before and now; `baton drift {joint.model}` tells of each alone"
        )
    return SAID_NO if found.drifted else DONE


def _side(side: Side, word: str = "") -> str:
    files = f"{side.files} {word} file{'' if side.files == 1 else 's'}".replace("  ", " ")
    return f"{files} of {side.rows} rows"


def _line(change: Change) -> list[str]:
    bar = "█" * round(BAR * min(1.0, change.size))
    word = click.style("drift", fg="red") if change.drifted else "same"
    sizes = f"{change.size:6.1%} from {change.limit:.1%}"
    return [word, change.column, change.test, f"{bar:·<{BAR}}", sizes, f"p {change.p_value:.2g}", change.what]


def _tell_history(history: History, *, wants_json: bool) -> int:
    drifted = history.points[-1].drifted if history.points else ()
    if wants_json:
        tell_json(asdict(history))
        return SAID_NO if drifted else DONE
    for why in history.unread:
        click.echo(f"not compared: {why}")
    if not history.points:
        return DONE
    first, last = history.points[0], history.points[-1]
    files = "1 file" if len(history.points) == 1 else f"{len(history.points)} files"
    click.echo(f"{history.model}: {files}, {first.at:%Y-%m-%d %H:%M} to {last.at:%Y-%m-%d %H:%M} UTC; █ is drift")
    for line in columns(_history_line(history, column) for column in history.columns):
        click.echo(line)
    click.echo(f"drifted in the last file: {', '.join(drifted)}" if drifted else "nothing drifted in the last file")
    return SAID_NO if drifted else DONE


def _history_line(history: History, column: str) -> list[str]:
    changes = history.of(column)
    now = changes[-1]
    word = click.style("drift", fg="red") if now and now.drifted else "same"
    last = f"{now.size:6.1%} from {now.limit:.1%}" if now else ""
    return [word, column, sparkline(changes), last, now.what if now else "not in the last file's reference"]
