"""A table in memory that does not keep what is only ever written, for long runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.storage.port import Write
from tests.fakes.storage import MemoryTable

WRITE_ONLY = ("journal:", "seen:")


class ForgetfulTable(MemoryTable):
    """Lines of the journal and events seen are taken and forgotten: nothing that is decided reads them."""

    def write(self, partition: str, writes: Sequence[Write]) -> Mapping[str, str]:
        return super().write(partition, [write for write in writes if not write.key.startswith(WRITE_ONLY)])
