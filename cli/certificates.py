"""Certificates: what was measured of a version, whether it is still what was signed, and how two differ."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli import address, options, storage
from cli.telling import DONE, SAID_NO, folded, tell_json, tell_next
from shared import names, wiring
from shared.certificates.certificate_story import Item, annex_iv, differences, nist, sections
from shared.certificates.reproducing import reproductions
from shared.certificates.reproducing import told as reproduced
from shared.certificates.signing import SignatureRefused, Signer
from shared.certificates.statement import About, CertificateRefused, check_files, check_holds
from shared.effects.certificates import certificate_document, read_signed
from shared.errors import Permanent
from shared.settings import kept_keys, verifying_keys
from shared.state import Release

SHOWN = 60


@click.group()
def certificate() -> None:
    """What was measured of a model version before it could serve, signed.

    \b
    Example:  baton certificate show diabetes-0002
    """


PUBLIC = click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    help="A signer's public key in hex, once for each; otherwise those of this installation.",
)


@certificate.command()
@click.argument("release")
@options.as_json
def show(release: str, wants_json: bool) -> None:
    """Tell what the certificate of a release's version says, and what it answers of NIST AI RMF and EU AI Act Annex IV.

    \b
    Example:  baton certificate show diabetes-0002
    """
    keeper = storage.keeper()
    found = certified(keeper, release)
    document = certificate_document(keeper.blobs, found.certificate)
    told = _signed(keeper, found, _signer().trusted)
    if wants_json:
        tell_json({"certificate": document, "name": found.certificate, "signature": found.signature})
        return
    for section in sections(document, told):
        click.echo(section.title)
        _tell((label, value) for label, value in section.facts)
    for again in reproductions(keeper.blobs, found):
        _tell([("trained again", reproduced(again))])
    spec = wiring.published_rules(keeper.blobs)(found.model, found.folder)
    for title, items in (
        ("EU AI Act, Annex IV", annex_iv(document, told, spec)),
        ("NIST AI RMF", nist(document, told, spec)),
    ):
        click.echo(title)
        _tell((_named(item), item.told) for item in items)
    tell_next(f"baton certificate verify {release}")


def _named(item: Item) -> str:
    return f"{item.item} {item.asks}"


def _tell(facts: Any) -> None:
    for label, value in facts:
        click.echo(folded(f"  {label}: {value}", indent=4))


@certificate.command()
@click.argument("release")
@click.option(
    "--files", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A copy of the model's files."
)
@PUBLIC
@options.as_json
def verify(release: str, files: Path | None, public_keys: tuple[str, ...], wants_json: bool) -> int:
    """Check signature, bytes and expiry of a certificate, and with --files the model's files. Exit code 2 if one is not as signed.

    \b
    Examples:  baton certificate verify diabetes-0002
               baton certificate verify diabetes-0002 --files ./model --public-key 03a1...
    """
    from shared.runs.model_files import model_files

    keeper = storage.keeper()
    found = certified(keeper, release)
    fault = ""
    try:
        if not found.signature:
            raise CertificateRefused(
                "it was earned before certificates were signed", next=f"baton retry {release} --why ..."
            )
        told = read_signed(keeper.blobs, found.certificate, found.signature, *(public_keys or _signer().trusted))
        check_holds(told, model=found.model, release=found.id, version=found.version, now=storage.now())
        if files is not None:
            check_files(told, model_files(files).sha256)
    except (CertificateRefused, SignatureRefused) as error:
        fault = error.what
    if wants_json:
        tell_json({"release": release, "version": found.version, "holds": not fault, "why": fault})
    else:
        what = "signature, bytes, expiry" + (" and files" if files else "")
        click.echo(f"{release}, version {found.version}: {fault or f'{what} are as they were signed'}")
    return SAID_NO if fault else DONE


@certificate.command()
@click.argument("release")
@click.argument("other")
@options.as_json
def diff(release: str, other: str, wants_json: bool) -> None:
    """Tell where the certificates of two releases differ.

    \b
    Example:  baton certificate diff diabetes-0001 diabetes-0002
    """
    keeper = storage.keeper()
    one, two = (certificate_document(keeper.blobs, certified(keeper, each).certificate) for each in (release, other))
    found = differences(one, two)
    if wants_json:
        tell_json([{"path": path, release: left, other: right} for path, left, right in found])
        return
    for path, left, right in found:
        click.echo(f"{path}: {_short(left)} -> {_short(right)}")
    click.echo(f"{len(found)} entries differ between {release} and {other}")


@certificate.command()
@options.as_json
def key(wants_json: bool) -> None:
    """Tell the public keys by which certificates of this installation hold: the one that signs, and those before it.

    \b
    Example:  baton certificate key
    """
    signer = _signer()
    if wants_json:
        tell_json({"signs": signer.public, "signed_before": list(signer.retired)})
        return
    click.echo(f"signs: {signer.public}")
    for public in signer.retired:
        click.echo(f"signed before: {public}")


def _short(value: object) -> str:
    shown = "nothing" if value is None else json.dumps(value)
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}..."


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


def _signed(keeper: Any, release: Release, trusted: Sequence[str]) -> About | None:
    if not release.signature:
        return None
    about: About = read_signed(keeper.blobs, release.certificate, release.signature, *trusted)
    return about


def _signer() -> Signer:
    """The installation's keys: of BATON_SIGNING_KEY and BATON_VERIFYING_KEYS, else the laptop's own."""
    env: dict[str, str] = dict(os.environ)
    file = address.home() / "signing.json"
    if not env.get("BATON_SIGNING_KEY") and file.is_file():
        env |= kept_keys(json.loads(file.read_text()))
    if not env.get("BATON_SIGNING_KEY"):
        raise Permanent("The signer's key is not known here.", next="give --public-key, or set BATON_SIGNING_KEY")
    return Signer(env["BATON_SIGNING_KEY"], verifying_keys(env))
