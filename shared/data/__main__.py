"""`python -m shared.data FILE CONTRACT --memory-mb 1024`: check one file in a process of its own.

Prints the verdict as one line of JSON; with --profile FILE, what the columns look like goes there, with --keep FOLDER the
accepted rows, where they are not the file itself. --contracts FOLDER has contracts that were read before. Exit code 0:
checked, whatever the verdict; 3: the contract cannot be used, told as {"what": ..., "next": ...}; 4: not checked, since the
file unpacks to more than --most-bytes, or, where these are given, its check needs more memory. The line `reading` on
stderr says that from now on only the file can be at fault.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from shared.data.check import check
from shared.data.checking import CONTRACT_REFUSED, READING, TOO_LARGE
from shared.data.lean import without_pandas
from shared.data.prepared import contract_of
from shared.data.profile import Profile
from shared.data.unpacked import unpacks_beyond
from shared.errors import SpecRefused


def main(arguments: Sequence[str]) -> int:
    """Check the file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.data", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("contract", type=Path)
    parser.add_argument("--memory-mb", type=int, default=1024)
    parser.add_argument("--computing-seconds", type=float, default=60.0)
    parser.add_argument("--profile", type=Path)
    parser.add_argument("--at", type=datetime.fromisoformat)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--answered", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--contracts", type=Path)
    parser.add_argument("--most-bytes", type=int, default=0)
    options = parser.parse_args(arguments)
    without_pandas()
    try:
        contract = contract_of(options.contract, options.contracts)
    except SpecRefused as error:
        _say({"what": error.what, "next": error.next})
        return CONTRACT_REFUSED
    limit = options.memory_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    used = resource.getrusage(resource.RUSAGE_SELF)
    last = math.ceil(used.ru_utime + used.ru_stime + options.computing_seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (last, last + 1))
    print(READING, file=sys.stderr, flush=True)  # noqa: T201 - told to the process that waits
    if options.most_bytes and unpacks_beyond(options.file, options.most_bytes):
        return TOO_LARGE
    profile = Profile.of(contract)
    try:
        verdict = check(
            options.file,
            contract,
            profile if options.profile else None,
            at=options.at,
            references=options.references,
            answered=options.answered,
            keep=options.keep,
        )
    except MemoryError:
        if options.most_bytes:
            return TOO_LARGE
        raise
    if options.profile:
        profile.save(options.profile)
    _say(verdict.to_dict())
    return 0


def _say(document: object) -> None:
    print(json.dumps(document), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # it has answered: threads of libraries, when they are torn down, have aborted such a process
