"""A model's gates: what they ask, read out, and whether each of them can pass and can hold."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.telling import DONE, SAID_NO, coloured, columns, tell_json, tell_next
from shared.errors import Permanent

if TYPE_CHECKING:
    from shared.gating.gate_words import Sentences
    from shared.spec import Spec


@click.group()
def gates() -> None:
    """Read out a model's gates; try each of them. MODEL is a folder, or a name under models/.

    \b
    Example:  baton gates explain diabetes
              baton gates test models/diabetes
    """


@gates.command()
@click.argument("model")
@options.as_json
def explain(model: str, wants_json: bool) -> int:
    """Read out what a candidate must show, every limit named. Nothing needs to run.

    \b
    Example:  baton gates explain diabetes
    """
    from shared.gating.gate_words import candidate_sentences, certificate_sentences, not_asked, production_sentences

    spec = _spec(model)
    parts: tuple[tuple[str, Sentences], ...] = (
        ("A candidate is registered only if", candidate_sentences(spec.gates)),
        ("Its version is staged only if", certificate_sentences(spec.gates.certificate)),
        ("It goes to production only if", production_sentences(spec)),
    )
    if wants_json:
        tell_json({gate: sentence for _, sentences in parts for gate, sentence in sentences})
        return DONE
    for title, sentences in parts:
        click.echo(f"{title}:")
        for line in columns(sentences):
            click.echo(f"  {line}")
    click.echo("What is missing or cannot be read holds it, at every gate.")
    if left_out := not_asked(spec.gates):
        click.echo(f"Not asked: {'; '.join(left_out)}.")
    return DONE


@gates.command()
@click.argument("model")
@options.as_json
def test(model: str, wants_json: bool) -> int:
    """Try every gate with a document that it must let through, and with the smallest change that it must hold.

    Exit code 0 all can pass and can hold; 2 one decides nothing, which is a defect of model.yaml.

    \b
    Example:  baton gates test diabetes
    """
    from shared.gating.gate_breaks import trials

    spec = _spec(model)
    tried = trials(spec.gates)
    faults = [trial.fault for trial in tried if trial.fault]
    if wants_json:
        tell_json([{**asdict(trial), "fault": trial.fault} for trial in tried])
        return SAID_NO if faults else DONE
    told = ((coloured("failed" if one.fault else "ok"), one.gate, one.fault or _held(one.broken)) for one in tried)
    for line in columns(told):
        click.echo(line)
    if faults:
        count = f"{len(faults)} of {len(tried)} gates" if len(tried) > 1 else "the gate"
        click.echo(f"{count} decide nothing.", err=True)
        tell_next("mend `gates` in model.yaml, then try them again", err=True)
        return SAID_NO
    click.echo(f"All {len(tried)} gates can pass and can hold.")
    return DONE


def _held(broken: object) -> str:
    return f"holds, for example: {getattr(broken, 'why', '')}"


def _spec(model: str) -> Spec:
    from shared.model_yaml.spec_file import load_folder

    folder = next((place for place in (Path(model), Path("models") / model) if (place / "model.yaml").is_file()), None)
    if folder is None:
        raise Permanent(
            f"there is no model.yaml in {model} or models/{model}.", next="name a model folder; `ls models` shows them"
        )
    return load_folder(folder)
