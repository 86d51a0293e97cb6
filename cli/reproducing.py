"""Training a version once more, to see whether the same comes out."""

from __future__ import annotations

import time

import click

from cli import address, options, storage
from cli.certified import certified
from cli.telling import DONE, SAID_NO, tell_json, tell_next, waiting


@click.command()
@click.argument("release")
@options.as_json
def reproduce(release: str, wants_json: bool) -> int:
    """Train the version of a release again, from what its certificate names, as a run of its own, and compare the two.

    What comes of it is kept and stands on the certificate's page. Exit code 2 if files and predictions differ.

    \b
    Example:  baton reproduce diabetes-0002
    """
    from shared import wiring
    from shared.certificates import reproducing
    from shared.settings import Settings

    keeper = storage.keeper()
    found = certified(keeper, release)
    spec = wiring.published_rules(keeper.blobs)(found.model, found.folder)
    env = address.find().env
    trainer, _, _ = wiring.platform(Settings.from_env(env), keeper.blobs, env)
    with waiting(f"training {found.model} {found.version} again"):
        result, report = reproducing.reproduce(trainer, keeper.blobs, found, spec, pause=time.sleep)
    if wants_json:
        tell_json({**result, "report": report})
    else:
        click.echo(f"{release}, version {found.version}: {reproducing.told(result)}")
        tell_next(f"baton certificate show {release}")
    return SAID_NO if result.get("answer") == "differs" else DONE
