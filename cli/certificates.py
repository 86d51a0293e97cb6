"""Certificates: what was measured of a version, whether it is still what was signed, and how two differ."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cli import options, storage
from cli.certified import certified, code, held_by, signer, warn
from cli.telling import DONE, SAID_NO, folded, tell_json, tell_next
from shared import wiring
from shared.certificates.certificate_diff import Change, Fact, Side, arrow, fact_changes, kept, limit_changes
from shared.certificates.certificate_rows import verdict_rows
from shared.certificates.certificate_story import Item, annex_iv, differences, nist, sections
from shared.certificates.reproducing import reproductions
from shared.certificates.reproducing import told as reproduced
from shared.certificates.signing import SignatureRefused
from shared.certificates.statement import About, CertificateRefused, check_files, check_holds
from shared.effects.certificates import certificate_document, read_signed
from shared.gating.verdict import Document
from shared.state import Release


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
@PUBLIC
@options.as_json
def show(release: str, public_keys: tuple[str, ...], wants_json: bool) -> int:
    """Tell what the certificate of a release's version says, and what it answers of NIST AI RMF and EU AI Act Annex IV.
    Exit code 2 if it does not hold: what it says is told all the same.

    \b
    Example:  baton certificate show diabetes-0002
    """
    keeper = storage.keeper()
    found = certified(keeper, release)
    document = certificate_document(keeper.blobs, found.certificate)
    held = held_by(keeper, found, public_keys)
    spec = wiring.published_rules(keeper.blobs)(found.model, found.folder)
    rows = verdict_rows(spec.gates.certificate, document)
    if wants_json:
        tell_json(
            {
                "name": found.certificate,
                "signature": found.signature,
                "holds": held.holds,
                "says": held.says,
                "limits": [asdict(row) for row in rows],
                "certificate": document,
            }
        )
        return code(held)
    warn(release, held)
    click.echo(f"{release}, version {found.version}: {kept(rows)}. {held.says}")
    for row in rows:
        why = f": {row.why}" if row.why else ""
        click.echo(folded(f"  {row.told}; {'kept' if row.passed else 'not kept'}{why}", indent=4))
    _tell_facts(document, held.about, {row.label for row in rows})
    for again in reproductions(keeper.blobs, found):
        _tell([("trained again", reproduced(again))])
    for title, items in (
        ("EU AI Act, Annex IV", annex_iv(document, held.about, spec)),
        ("NIST AI RMF", nist(document, held.about, spec)),
    ):
        click.echo(title)
        _tell((_named(item), item.told) for item in items)
    tell_next(f"baton certificate verify {release}")
    return code(held)


def _tell_facts(document: Document, about: About | None, judged: set[str]) -> None:
    """What the certificate says beside its limits."""
    for section in sections(document, about):
        facts = [fact for fact in section.facts if fact[0] not in judged]
        if facts:
            click.echo(section.title)
            _tell(facts)


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
        told = read_signed(keeper.blobs, found.certificate, found.signature, *(public_keys or signer().trusted))
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
@PUBLIC
@options.as_json
def diff(release: str, other: str, public_keys: tuple[str, ...], wants_json: bool) -> int:
    """Tell how the certificate of a release differs from that of an earlier one: each limit, then and now, and the verdict.
    Exit code 2 if nobody vouches for one of the two as it is now.

    \b
    Example:  baton certificate diff diabetes-0001 diabetes-0002
    """
    keeper = storage.keeper()
    found = [certified(keeper, name) for name in (release, other)]
    held = [held_by(keeper, one, public_keys) for one in found]
    then, now = (_side(keeper, one, one_held.about) for one, one_held in zip(found, held, strict=True))
    limits, facts = limit_changes(then, now), fact_changes(then, now)
    if wants_json:
        entries = differences(then.certificate, now.certificate)
        tell_json(
            {
                "standing": {one.id: one_held.says for one, one_held in zip(found, held, strict=True)},
                "limits": [_change(change) for change in limits],
                "facts": [dict(zip(("part", "what", release, other), fact, strict=True)) for fact in facts],
                "entries": [{"path": path, release: left, other: right} for path, left, right in entries],
            }
        )
    else:
        for one, one_held, side in zip(found, held, (then, now), strict=True):
            warn(one.id, one_held)
            click.echo(f"{one.id}, version {one.version}: {kept(side.rows)}. {one_held.says}")
        _tell_changes(limits, facts)
    return DONE if all(one_held.about for one_held in held) else SAID_NO


def _side(keeper: Any, release: Release, about: About | None) -> Side:
    limits = wiring.published_rules(keeper.blobs)(release.model, release.folder).gates.certificate
    return Side(certificate_document(keeper.blobs, release.certificate), limits, about)


def _change(change: Change) -> dict[str, object]:
    return {
        "limit": change.label,
        "must_be": change.limit,
        "measured": change.measured,
        "verdict": change.verdict,
        "turned": change.turned,
        "differs": change.differs,
    }


def _tell_changes(limits: Sequence[Change], facts: Sequence[Fact]) -> None:
    """The limits that differ, how many do not, then the other facts by heading."""
    differing = [change for change in limits if change.differs]
    for change in differing:
        click.echo(folded(f"  {change.told}", indent=4))
    click.echo(f"  {len(limits) - len(differing)} of {len(limits)} limits: the same limit, measurement and verdict")
    for title, of_title in itertools.groupby(facts, key=lambda fact: fact[0]):
        click.echo(title)
        _tell((label, arrow(then, now)) for _, label, then, now in of_title)


@certificate.command()
@options.as_json
def key(wants_json: bool) -> None:
    """Tell the public keys by which certificates of this installation hold: the one that signs, and those before it.

    \b
    Example:  baton certificate key
    """
    keys = signer()
    if wants_json:
        tell_json({"signs": keys.public, "signed_before": list(keys.retired)})
        return
    click.echo(f"signs: {keys.public}")
    for public in keys.retired:
        click.echo(f"signed before: {public}")
