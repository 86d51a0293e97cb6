"""Asking a model that serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import click

from cli import address, api, options
from cli.telling import SaidNo, tell_json
from shared.errors import BatonError


@click.command()
@click.argument("model")
@click.argument("file", type=click.File("rb"))
@click.option("--deployment", default="", help="Ask this deployment (a release's name) whatever its share of traffic.")
@options.as_json
def score(model: str, file: BinaryIO, deployment: str, wants_json: bool) -> None:
    """Send a scoring request, and tell which version answered.

    FILE holds JSON, - is stdin; it goes through the router like any client's.
    The answer goes to stdout, the version to stderr. Exit code 2: the model refused the request.

    \b
    Example:  baton score diabetes request.json
              echo '{"data": [{"AGE": 59, ...}]}' | baton score diabetes -
    """
    at = address.find()
    pin = {"azureml-model-deployment": deployment} if deployment else {}
    url = f"{at.setting('BATON_ROUTER')}/endpoints/{model}/score"
    answer = api.exchange("POST", url, file.read(), pin)
    if answer.status != 200:
        raise _not_scored(model, answer)
    told = {name: answer.headers.get(f"x-baton-{name}", "") for name in ("version", "deployment")}
    if wants_json:
        tell_json({**told, "answer": json.loads(answer.body)})
        return
    click.echo(answer.body)
    click.echo(f"version {told['version']}, deployment {told['deployment']}", err=True)


def _not_scored(model: str, answer: api.Answer) -> BatonError:
    said = _said(answer.body)
    what = f"{model} did not score (status {answer.status}): {said.get('error', answer.body.decode(errors='replace')[:500])}"
    if answer.status == 400:
        return SaidNo(
            what, next=str(said.get("next", "mend the request; tests/cases.json of the model shows good ones"))
        )
    kind = api.NotDone if answer.status < 500 else api.NotAnswering
    return kind(what, next=str(said.get("next", f"baton status {model}; baton doctor")))


def _said(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
