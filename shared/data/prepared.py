"""A contract that was read before, kept for the processes that check files after it.

The standard's own classes read a contract (contract.py), and loading them takes longer than checking a small file. So the
process that has files checked keeps a folder that nobody else may enter, and there the first check leaves the rules it read,
under the hash of the contract's bytes. They are pickled: only this user's own processes write there.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import pickle
import shutil
import tempfile
from pathlib import Path

from shared.data.rules import Contract


@functools.cache
def folder() -> Path:
    """This process's folder for contracts that were read; it goes when the process ends."""
    made = Path(tempfile.mkdtemp(prefix="baton-contracts-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def contract_of(file: Path, kept: Path | None) -> Contract:
    """The contract in a file; read from `kept` if a check before left it there, else left there now.

    `SpecRefused` as of `read_contract`. Two checks at once read it both, and leave the same.
    """
    if kept is None:
        return _read(file)
    place = kept / hashlib.sha256(file.name.encode() + b"\0" + file.read_bytes()).hexdigest()
    if place.exists():
        found: Contract = pickle.loads(place.read_bytes())  # noqa: S301 - written below, in a folder of our own
        return found
    contract = _read(file)
    if kept.is_dir():
        draft = place.with_suffix(f".{os.getpid()}")
        draft.write_bytes(pickle.dumps(contract))
        draft.replace(place)
    return contract


def _read(file: Path) -> Contract:
    from shared.data.contract import read_contract  # the standard's classes: only who reads a contract needs them

    return read_contract(file)
