"""A drop that is small enough to be checked at once: in a child process, with what that may take of memory and time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.data.verdict import Verdict

CHECK_MEMORY_MB = 512
CHECK_SECONDS = 50.0


def check_inline(file: Path, contract: Path, *, most_bytes: int) -> Verdict:
    """The verdict on a file; what the check reads and leaves lies beside it. Safe to repeat."""
    from shared.data.answers import ANSWERED
    from shared.data.checking import KEPT, PROFILE, check_in_subprocess
    from shared.effects.references import FOLDER

    keep = file.with_name(KEPT)
    keep.mkdir(exist_ok=True)
    return check_in_subprocess(
        file,
        contract,
        memory_mb=CHECK_MEMORY_MB,
        seconds=CHECK_SECONDS,
        profile=file.with_name(PROFILE),
        at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        references=file.with_name(FOLDER),
        answered=file.with_name(ANSWERED),
        keep=keep,
        most_bytes=most_bytes,
    )
