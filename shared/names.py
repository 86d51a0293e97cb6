"""Every name that Baton makes, in one place.

A model's name is the owner's; releases, runs and deployments are derived from it, so that a
repeated command asks the platform for the same name again and finds what is already there.
"""

from __future__ import annotations

import hashlib
import re

from shared.errors import NameRefused

MODEL_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MODEL_NAME_MAX = 20
RELEASE_ID = re.compile(rf"(?P<model>{MODEL_NAME.pattern})-(?P<number>[0-9]{{4,}})")
RUN_ID = re.compile(rf"(?P<release>{MODEL_NAME.pattern}-[0-9]{{4,}})-(?P<step>[a-z])-(?P<attempt>[0-9]+)")
OBJECT_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEP_LETTERS = {"train": "t", "judge": "j", "certify": "c"}
STEP_WORDS = {letter: word for word, letter in STEP_LETTERS.items()}


def model_name(text: str) -> str:
    """Return `text` if it may name a model; raise `NameRefused` with the rule otherwise."""
    if len(text) > MODEL_NAME_MAX or not MODEL_NAME.fullmatch(text):
        raise NameRefused(
            f"{text!r} cannot name a model.",
            next=f"use lower-case letters, digits and single dashes, a letter first, at most {MODEL_NAME_MAX} characters",
        )
    return text


def person(shown: str, object_id: str) -> str:
    """How somebody of a directory is journalled: what they are called today, and the id that is theirs for good.

    >>> person("ana@contoso.com", "0e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c11")
    'ana@contoso.com (0e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c11)'
    """
    called = "".join(letter for letter in shown if letter.isprintable() and letter not in "()")[:100].strip()
    return f"{called or 'somebody'} ({object_id})"


def person_key(name: str) -> str:
    """What tells people apart: the object id in a journalled name, or the whole name where there is no directory.

    >>> person_key("ana@contoso.com (0e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c11)"), person_key("operations")
    ('0e3b1c55-7f0a-4d0c-9a55-3b1d6f6b2c11', 'operations')
    """
    _, bracket, last = name.rpartition(" (")
    return last[:-1] if bracket and last.endswith(")") and OBJECT_ID.fullmatch(last[:-1]) else name


def release_id(model: str, number: int) -> str:
    """The id of a model's `number`-th release, counted from 1.

    >>> release_id("diabetes", 12)
    'diabetes-0012'
    """
    return f"{model}-{number:04d}"


def release_number(release: str) -> int:
    """The number inside a release id.

    >>> release_number("diabetes-0012")
    12
    """
    return int(release.rsplit("-", 1)[1])


def run_id(release: str, step: str, attempt: int) -> str:
    """The id of a run, chosen before it starts; `attempt` counts from 1.

    >>> run_id("diabetes-0012", "train", 1)
    'diabetes-0012-t-1'
    """
    return f"{release}-{STEP_LETTERS[step]}-{attempt}"


VALUES = "values-"
"""How a run's input begins that holds the values of a foreign key; the name of their dataset follows."""


def check_run_id(model: str, command: int) -> str:
    """The id of the run that checks a large drop for a command; no release is named by it.

    >>> check_run_id("diabetes", 7), release_of_run("diabetes-k-7")
    ('diabetes-k-7', None)
    """
    return f"{model}-k-{command}"


def reproduction_id(release: str, attempt: int) -> str:
    """The id of the run that trains a release's version once more; it names the release, so its end opens none.

    >>> reproduction_id("diabetes-0012", 1), release_of_run("diabetes-0012-r-1"), step_of_run("diabetes-0012-r-1")
    ('diabetes-0012-r-1', 'diabetes-0012', '')
    """
    return f"{release}-r-{attempt}"


def release_of_run(run: str) -> str | None:
    """The release that a run id of ours names, or None for a foreign id."""
    match = RUN_ID.fullmatch(run)
    return match["release"] if match else None


def is_below_a_run(run: str) -> bool:
    """Whether a platform named it after a run of ours, as it names the trials of a sweep.

    >>> is_below_a_run("diabetes-0012-t-1_3"), is_below_a_run("diabetes-0012-t-1")
    (True, False)
    """
    return "_" in run and release_of_run(run.partition("_")[0]) is not None


def step_of_run(run: str) -> str:
    """The step that a run id of ours names, "" for any other id.

    >>> step_of_run("diabetes-0012-c-1"), step_of_run("diabetes-k-7")
    ('certify', '')
    """
    match = RUN_ID.fullmatch(run)
    return STEP_WORDS.get(match["step"], "") if match else ""


def deployment_name(release: str) -> str:
    """The deployment that serves a release's version: the release's own id (Azure allows 32 characters)."""
    return release


def carried_label(release: str, sha256: str) -> str:
    """Under which the version of a release is shared with other installations: its number, and what its files are.

    >>> carried_label("diabetes-0012", "3fa9c0d1e2")
    '0012-3fa9c0d1'
    """
    return f"{release.rsplit('-', 1)[1]}-{sha256[:8]}"


def digest(content: bytes | str) -> str:
    """SHA-256 in hex of bytes, or of text as UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def identity_key(*parts: str) -> str:
    """A table-safe key (32 hex digits) for what a foreign event says of itself.

    Foreign strings hold characters that a RowKey refuses, hence the hash; parts are length-prefixed,
    so that ("ab", "c") and ("a", "bc") differ.
    """
    return digest("".join(f"{len(part)}:{part}" for part in parts))[:32]
