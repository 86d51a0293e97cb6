"""A certificate told to people: what was measured, and which questions of NIST AI RMF and the EU AI Act it answers. Pure.

The items are those of NIST AI 100-1 (its four functions, with the subcategory that a measurement answers) and of Annex IV
of Regulation (EU) 2024/1689 (points 1 to 9). What Baton does not know is said so, with who must answer it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.certificates.check_story import check_facts, found_by
from shared.certificates.statement import About
from shared.gating.verdict import Document, at, number, text
from shared.spec import Spec

OWNER, OPERATIONS, LEGAL = "the model's owner", "the operations team", "whoever places the system on the market"
ABOUT, ANSWERS, CHECKS = "What it is about", "Answers", "Checks that the owner asks for"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its facts: (label, value) in words."""

    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a framework: what Baton answers, or "" and who must."""

    item: str
    asks: str
    answer: str = ""
    owner: str = ""

    @property
    def told(self) -> str:
        """The answer, or that there is none."""
        return self.answer or f"not answered by Baton, owner: {self.owner}"


def sections(certificate: Document, about: About | None) -> tuple[Section, ...]:
    """What the certificate says, in the order in which people ask."""
    parts = (
        Section(ABOUT, tuple(_identity(certificate, about))),
        Section(ANSWERS, tuple(_answers(certificate))),
        Section("Speed and size", tuple(_speed(certificate))),
        Section(CHECKS, tuple(check_facts(certificate))),
        Section("Where it comes from", tuple(_origin(certificate, about))),
    )
    return tuple(part for part in parts if part.facts)


def _identity(certificate: Document, about: About | None) -> Iterator[tuple[str, str]]:
    yield "version", str(certificate.get("version") or (about.version if about else "not known"))
    yield "SHA-256 of its files", str(certificate.get("model_sha256", "not known"))
    if about is None:
        yield "signature", "none: it was earned before certificates were signed"
        return
    yield "release", about.release
    yield "issued", f"{about.issued_at:%Y-%m-%d %H:%M} UTC"
    yield "expires", f"{about.expires_at:%Y-%m-%d %H:%M} UTC"


def _answers(certificate: Document) -> Iterator[tuple[str, str]]:
    if error := certificate.get("error"):
        yield "server", f"did not start: {error}"
    right, failed = number(certificate, "cases", "passed"), at(certificate, "cases", "failed")
    if right is not None and isinstance(failed, list):
        yield "the owner's cases", f"{text(right)} passed, {len(failed)} failed{_first(failed)}"
    for name, part in (("invariances", "invariances"), ("requests at the boundary", "boundary")):
        tried, broken = number(certificate, part, "tried"), at(certificate, part, "broken")
        if tried is not None and isinstance(broken, list):
            yield name, f"{text(tried)} tried, {len(broken)} broken{_first(broken)}"
    malformed = certificate.get("malformed")
    if isinstance(malformed, Mapping):
        yield "malformed requests", ", ".join(f"{name}: {status}" for name, status in malformed.items())


def _first(broken: list[object]) -> str:
    return f" ({broken[0]})" if broken else ""


def _speed(certificate: Document) -> Iterator[tuple[str, str]]:
    requests, rate = (number(certificate, "latency_ms", name) for name in ("requests", "per_second"))
    for percent in ("p50", "p95", "p99"):
        if (value := number(certificate, "latency_ms", percent)) is not None:
            yield f"{percent} of the latency", f"{text(value)} ms{_interval(certificate, percent)}"
    if requests is not None and rate is not None:
        yield (
            "measured with",
            f"{text(requests)} requests, {text(rate)} a second, whether or not those before were answered",
        )
    if (overload := number(certificate, "overload", "per_second")) is not None:
        answered, asked = (number(certificate, "overload", name) for name in ("answered", "requests"))
        told = f", {text(answered)} of {text(asked)} answered" if answered is not None and asked is not None else ""
        after = "answers again" if at(certificate, "overload", "recovered") is True else "does not answer any more"
        yield "past saturation", f"{text(overload)} requests a second{told}; afterwards it {after}"
    named = (
        ("cold start", "start_seconds", "s"),
        ("memory of its worker", "memory_mb", "MB"),
        ("size of its files", "size_mb", "MB"),
    )
    for label, name, unit in named:
        if (value := number(certificate, name)) is not None:
            yield label, f"{text(value)} {unit}"


def _interval(certificate: Document, percent: str) -> str:
    found = at(certificate, "latency_ms", "intervals", percent)
    if not isinstance(found, list) or len(found) != 2:
        return ""
    low, high = ("not bounded" if bound is None else text(float(bound)) for bound in found)
    return f" (95 % interval {low} to {high})"


def _origin(certificate: Document, about: About | None) -> Iterator[tuple[str, str]]:
    if about is not None:
        named = {
            "trained by run": about.train_run,
            "dataset version": about.manifest,
            "folder": about.folder,
            "published by": about.author,
            "commit": about.commit,
        }
        yield from ((label, value or "not known") for label, value in named.items())
    yield from _environments(certificate)
    for label, name in (("parameters", "parameters"), ("seeds", "seeds")):
        found = at(certificate, "provenance", "training", name)
        if isinstance(found, Mapping):
            yield (
                label,
                ", ".join(f"{key} {'not set' if value is None else value}" for key, value in found.items()) or "none",
            )
    if trials := number(certificate, "provenance", "training", "search", "trials"):
        yield "parameters found by", f"a search of {text(trials)} trials, on rows for training alone"
    if trials := number(certificate, "provenance", "training", "search", "most_trials"):
        yield "parameters found by", f"a sweep of at most {text(trials)} trials, on rows for training alone"
    if version := at(certificate, "provenance", "training", "warm_start", "version"):
        yield "begun with the files of", f"version {version}"
    yield from _beside(certificate)
    missing = at(certificate, "licences", "without_licence")
    if isinstance(missing, list):
        yield "components without a declared licence", ", ".join(map(str, missing)) or "none"


def _environments(certificate: Document) -> Iterator[tuple[str, str]]:
    """The interpreter that trained and the one that serves, with the image where there was one."""
    for label, path in (("trained with", ("training", "environment")), ("serves with", ("serving",))):
        if version := at(certificate, "provenance", *path, "python"):
            packages, sha256 = (at(certificate, "provenance", *path, name) for name in ("packages", "sha256"))
            which = f" (SHA-256 {sha256[:12]}...)" if isinstance(sha256, str) else ""
            yield label, f"Python {version}, {packages} packages{which}"
        if image := at(certificate, "provenance", *path, "image"):
            yield f"{label} the image", str(image)


def _beside(certificate: Document) -> Iterator[tuple[str, str]]:
    """What is kept beside the certificate and may be asked for."""
    for label, name in (("bill of materials (CycloneDX)", "sbom"), ("the model as ONNX", "portability-model")):
        if blob := at(certificate, "attachments", name, "blob"):
            yield label, str(blob)


def annex_iv(certificate: Document, about: About | None, spec: Spec) -> tuple[Item, ...]:
    """The nine points of Annex IV of Regulation (EU) 2024/1689, item by item."""
    version = about.version if about else str(certificate.get("version", ""))
    data = f"dataset version {about.manifest}, checked by {spec.data.contract}" if about and about.manifest else ""
    back = f"traffic in steps, taken back by itself beyond {text(spec.rollout.max_error_percent)} % errors"
    return (
        Item(
            "1", "general description: purpose, provider, version", f"{spec.purpose} Version {version}, of {spec.owner}"
        ),
        Item("1", "hardware, interfaces to other systems, instructions for use", owner=OWNER),
        Item("2", "methods of development, design choices, architecture", owner=OWNER),
        Item("2", "data: which, and by which rules it was accepted", data, OWNER),
        Item("2", "data: how it was collected and labelled", owner=OWNER),
        Item("2", "human oversight", f"{' or '.join(spec.approval.approvers)} approves each version before it serves"),
        Item("2", "validation and testing, dated and signed", _testing(certificate, about), OWNER),
        Item("2", "robustness", found_by(certificate, "adversarial", "robustness"), OWNER),
        Item("2", "potentially discriminatory impacts", found_by(certificate, "fairness"), OWNER),
        Item("2", "cybersecurity", _refusing(certificate), OWNER),
        Item("3", "control: how a version that fails is stopped", back),
        Item("3", "foreseeable misuse, and what users must watch", owner=OWNER),
        Item("4", "why the metrics fit", owner=OWNER),
        Item("5", "risk management system (Article 9)", owner=OWNER),
        Item("6", "changes through the life cycle", "each release stands in the journal with rule, numbers and person"),
        Item("7", "harmonised standards applied", owner=LEGAL),
        Item("8", "EU declaration of conformity", owner=LEGAL),
        Item("9", "post-market monitoring plan (Article 72)", owner=OPERATIONS),
    )


def _testing(certificate: Document, about: About | None) -> str:
    right = number(certificate, "cases", "passed")
    if right is None or about is None:
        return ""
    tried = number(certificate, "boundary", "tried")
    return f"{text(right)} cases, {text(tried or 0)} boundary requests, latency under load; signed {about.issued_at:%Y-%m-%d}"


def _refusing(certificate: Document) -> str:
    tried, broken = number(certificate, "boundary", "tried"), at(certificate, "boundary", "broken")
    if tried is None or not isinstance(broken, list) or at(certificate, "overload", "recovered") is not True:
        return ""
    return f"{text(tried)} malformed or extreme requests, {len(broken)} answered wrongly; overload is survived"


def nist(certificate: Document, about: About | None, spec: Spec) -> tuple[Item, ...]:
    """What this certificate answers of NIST AI 100-1 (AI RMF 1.0), by function and subcategory."""
    p95 = number(certificate, "latency_ms", "p95_upper")
    speed = (
        f"p95 is at most {text(p95)} ms with 95 % confidence, on the server that will serve" if p95 is not None else ""
    )
    roles = f"owner {spec.owner}; approvers {', '.join(spec.approval.approvers)}"
    return (
        Item("GOVERN 1", "policies and accountability", owner=OWNER),
        Item("GOVERN 2.1", "roles and responsibilities", roles),
        Item("MAP 1.1", "intended purpose and context", spec.purpose),
        Item("MAP 5", "impacts on people and society", owner=OWNER),
        Item("MEASURE 2.3", "performance under conditions like those of deployment", speed, OWNER),
        Item("MEASURE 2.5", "valid and reliable", _testing(certificate, about), OWNER),
        Item("MEASURE 2.7", "secure and resilient", _refusing(certificate), OWNER),
        Item("MEASURE 2.9", "explained and interpreted", found_by(certificate, "importance"), OWNER),
        Item("MEASURE 2.10", "privacy", found_by(certificate, "privacy"), OWNER),
        Item("MEASURE 2.11", "fairness and bias", found_by(certificate, "fairness"), OWNER),
        Item(
            "MANAGE 2.4",
            "superseding or deactivating",
            "a person rolls a model back, pauses it or freezes all; a failing step is taken back",
        ),
        Item("MANAGE 4.1", "monitoring after deployment", owner=OPERATIONS),
    )


def differences(one: Document, other: Document, *, above: str = "") -> list[tuple[str, object, object]]:
    """Where two certificates differ: (dotted path, of one, of the other), in path order; None where one has no such entry.

    >>> differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4})
    [('a.c', 2, 3), ('d', None, 4)]
    """
    found = []
    for name in sorted({*one, *other}, key=str):
        path, (left, right) = f"{above}{name}", (one.get(name), other.get(name))
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += differences(left, right, above=f"{path}.")
        elif left != right:
            found.append((path, left, right))
    return found
