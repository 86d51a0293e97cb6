"""What a run learns from and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows to train on, and those that no training ever sees; `new_holdout` of these come from files that are new
    in the version, so no model was judged by them before.
    """

    train: pa.Table
    holdout: pa.Table
    new_holdout: int = 0
