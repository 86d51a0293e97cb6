"""The certificate of a release as commands find it in storage: which one it is, and whether it holds by the keys known here."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import click

from cli import address, storage
from cli.telling import DONE, SAID_NO
from shared import names
from shared.certificates.signing import Signer
from shared.effects.certificates import Standing, standing
from shared.errors import Permanent
from shared.settings import kept_keys, verifying_keys
from shared.state import Release


def certified(keeper: Any, release: str) -> Release:
    """The release as the ledger has it; `Permanent` if it is none, or has no certificate."""
    match = names.RELEASE_ID.fullmatch(release)
    if match is None:
        raise Permanent(f"{release!r} is no release.", next="a release is a model and a number, such as diabetes-0002")
    found: Release | None = keeper.book.release(match["model"], release)
    if found is None:
        raise Permanent(f"There is no release {release}.", next=f"baton status {match['model']} lists the last ones")
    if not found.certificate:
        raise Permanent(f"{release} is {found.state} and has no certificate.", next=f"baton explain {release}")
    return found


def held_by(keeper: Any, release: Release, public_keys: Sequence[str]) -> Standing:
    """Whether the certificate holds by these keys, else by those of this installation; it does not where no key is known."""
    try:
        trusted = public_keys or signer().trusted
    except Permanent as unknown:
        return Standing(False, f"Its signature was not checked. {unknown.what} Next: {unknown.next}.")
    held: Standing = standing(keeper.blobs, release, *trusted, now=storage.now())
    return held


def warn(release: str, held: Standing) -> None:
    """On stderr, before everything else, so that nobody reads past it."""
    if not held.holds:
        click.echo(f"Warning: the certificate of {release} is not to be relied on. {held.says}", err=True)


def code(held: Standing) -> int:
    """The exit code: 2 where it does not hold."""
    return DONE if held.holds else SAID_NO


def signer() -> Signer:
    """The installation's keys: of BATON_SIGNING_KEY and BATON_VERIFYING_KEYS, else the laptop's own."""
    env: dict[str, str] = dict(os.environ)
    file = address.home() / "signing.json"
    if not env.get("BATON_SIGNING_KEY") and file.is_file():
        env |= kept_keys(json.loads(file.read_text()))
    if not env.get("BATON_SIGNING_KEY"):
        raise Permanent("The signer's key is not known here.", next="give --public-key, or set BATON_SIGNING_KEY")
    return Signer(env["BATON_SIGNING_KEY"], verifying_keys(env))
