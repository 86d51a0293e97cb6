"""What another retraining policy would have done: in this model's own past, or in made-up ones with known changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import address, api, options
from cli.telling import columns, tell_json, tell_next
from shared.errors import Permanent
from shared.whatif import history
from shared.whatif.play import Decider, Past, Played, Terms, play

if TYPE_CHECKING:
    from shared.spec import Spec

RECOMMENDED = "recommended"
HEADER = ("", "trainings", "live", "useless", "minutes", "money", "stale hours", "loss", "cost")


@click.command()
@click.argument("model")
@click.option("--policy", default="", help="A YAML file with retrain (and schedule, data.batch), or `recommended`.")
@click.option("--history", "source", flag_value="history", default=True, help="The model's journal.")
@click.option("--synthetic", "source", flag_value="synthetic", help="Made-up pasts with known changes.")
@click.option("--past", "only", default="", help="One of the made-up pasts, like `hidden`; with --synthetic.")
@click.option(
    "--minutes", type=float, default=0.0, help="Minutes that one training takes; by default the journal's mean."
)
@click.option("--price", type=float, default=0.5, show_default=True, help="Price of one such minute.")
@click.option(
    "--stale-hour", type=float, default=1.0, show_default=True, help="What an hour with a wholly stale model costs."
)
@click.option("--picture", type=click.Path(dir_okay=False), default="", help="Write the same as an SVG.")
@options.as_json
def simulate(
    model: str,
    policy: str,
    source: str,
    only: str,
    minutes: float,
    price: float,
    stale_hour: float,
    picture: str,
    wants_json: bool,
) -> None:
    """Play a past through another retraining policy, beside the model's own and three common ones.

    The policy is decided by the code that decides in production. Money and loss are estimates on the stated terms. In
    a model's history a better model is known only where a release proved it.

    \b
    Example:  baton simulate diabetes --policy new.yaml --history
              baton simulate diabetes --policy recommended --synthetic --picture whatif.svg
    """
    folder = Path("models") / model
    pasts, mean = _pasts(model, of_history=source != "synthetic", only=only)
    terms = Terms(minutes=minutes or mean or Terms().minutes, price_per_minute=price, stale_hour=stale_hour)
    policies = dict(_policies(folder, policy))
    found = [
        (past, told, [play(past, make(past), policy=name, terms=terms) for name, make in policies.items()])
        for past, told in pasts
    ]
    if wants_json:
        tell_json({"terms": asdict(terms), "pasts": [_json(told, played, terms) for _, told, played in found]})
    else:
        for _, told, played in found:
            click.echo(told)
            for line in columns([HEADER, *(_row(one, terms) for one in played)]):
                click.echo(f"  {line}")
    if picture:
        _draw(Path(picture), found, terms)


def _pasts(model: str, *, of_history: bool, only: str) -> tuple[Sequence[tuple[Past, str]], float]:
    """The pasts with what they are, and the mean minutes of a training that the journal has (0 if it has none)."""
    if not of_history:
        from shared.whatif import synthetic  # numpy

        made = {past.name: past for past in synthetic.pasts()}
        if only and only not in made:
            raise Permanent(f"There is no made-up past {only}.", next=f"name one of {', '.join(made)}")
        return [(past, past.told) for past in made.values() if only in ("", past.name)], 0.0
    past = history.read(model, _journal(model))
    if past is None or past.end <= past.begin:
        raise Permanent(f"The journal of {model} has no past yet.", next=f"baton simulate {model} --synthetic")
    told = f"{model}, {past.begin:%Y-%m-%d %H:%M} to {past.end:%Y-%m-%d %H:%M} UTC, {len(past.signals)} files, reports and requests"
    return [(past, told)], past.minutes


def _journal(model: str) -> Iterator[Mapping[str, Any]]:
    at, first = address.find(), 1
    while True:
        page = api.read(at, "models", model, "journal", **{"from": str(first)})
        yield from page["lines"]
        if page["next"] == first:
            return
        first = page["next"]


def _policies(folder: Path, policy: str) -> Iterator[tuple[str, Callable[[Past], Decider]]]:
    from shared.whatif.deciders import AtLimit, EveryDay, EveryDrop, OurPolicy
    from shared.whatif.policies import of_folder, with_policy

    def ours(spec: Spec) -> Callable[[Past], Decider]:
        return lambda past: OurPolicy(spec, past.begin, past.alerts_from)

    yield "as it is", ours(of_folder(folder))
    if policy:
        yield Path(policy).name, ours(with_policy(folder, policy))
    yield "every day", lambda past: EveryDay(past.begin)
    yield "every drop", lambda past: EveryDrop()
    yield "PSI > 0.2", lambda past: AtLimit(0.2)


def _numbers(played: Played, terms: Terms) -> tuple[tuple[str, float], ...]:
    return (
        ("trainings", len(played.attempts)),
        ("live", played.promoted),
        ("useless", played.false),
        ("minutes", round(played.minutes, 1)),
        ("money", round(played.money(terms), 2)),
        ("stale_hours", round(played.stale_hours, 1)),
        ("loss", round(played.lost * terms.stale_hour, 2)),
        ("cost", round(played.cost(terms), 2)),
    )


def _row(played: Played, terms: Terms) -> list[str]:
    return [played.policy, *(f"{value:g}" for _, value in _numbers(played, terms))]


def _json(told: str, played: Sequence[Played], terms: Terms) -> Mapping[str, Any]:
    return {"past": told, "policies": [{"policy": one.policy, **dict(_numbers(one, terms))} for one in played]}


def _draw(file: Path, found: Sequence[tuple[Past, str, Sequence[Played]]], terms: Terms) -> None:
    from shared.whatif.picture import picture, together

    file.write_text(together(picture(past, told, played, terms) for past, told, played in found), encoding="utf-8")
    tell_next(f"open {file}", err=True)
