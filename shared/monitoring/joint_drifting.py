"""Joint drift of a model's newer files from those of its champion's dataset version: by rows drawn from both, where somebody asks."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from shared.data.versions import Listed
from shared.files.keeping import DATASETS
from shared.files.published import MODELS, fetch_blob
from shared.ledger import Ledger
from shared.monitoring.drifting import Side, compared
from shared.spec import Spec
from shared.state import AcceptedFile
from shared.storage.port import Blobs

if TYPE_CHECKING:  # Arrow and scikit-learn load where rows are read
    import numpy as np
    import pyarrow as pa

    from shared.data.rules import Contract
    from shared.runs.joint import Joint

Files: TypeAlias = "Sequence[Listed | AcceptedFile]"


@dataclass(frozen=True, slots=True)
class JointDrifting:
    """Rows drawn from the newer files against rows drawn from those of the champion's dataset version, as a classifier sees them."""

    model: str
    version: str
    release: str
    before: Side
    now: Side
    found: Joint


def joint_drifting(
    book: Ledger, blobs: Blobs, rules: Callable[[str, str], Spec], model: str, *, seed: int = 0
) -> JointDrifting:
    """Draw rows of both sides and let a classifier try to tell them apart; the same files and seed give the same answer.

    `NothingToCompare` says why there are no two sides, `NotTold` why no classifier can be asked. Files are fetched one by one to this
    machine's disk and removed again.
    """
    import numpy as np

    from shared.data.contract import parse_contract
    from shared.runs.joint import ROWS, joint_drift

    pair = compared(book, blobs, model)
    data = rules(model, pair.folder).data
    contract = parse_contract(blobs.read(MODELS, f"{model}/{pair.folder}/{data.contract}").decode("utf-8-sig"))
    draw = np.random.default_rng(seed)
    older = _drawn(blobs, pair.known, contract, ROWS, draw)
    newer = _drawn(blobs, pair.newer, contract, ROWS, draw)
    found = joint_drift(older, newer, contract, without=data.key, seed=seed)
    before, now = _side(pair.known), _side(pair.newer)
    return JointDrifting(model, pair.version, pair.release, before, now, found)


def _side(files: Files) -> Side:
    return Side(len(files), sum(file.rows for file in files))


def _drawn(blobs: Blobs, files: Files, contract: Contract, most: int, draw: np.random.Generator) -> pa.Table:
    import pyarrow as pa

    from shared.data.reading import schema_of
    from shared.data.sampling import drawn_places, rows_at

    taken = [schema_of(contract).empty_table()]
    for file, places in zip(files, drawn_places([file.rows for file in files], most, draw), strict=True):
        if not len(places):
            continue
        with tempfile.TemporaryDirectory(prefix="baton-joint-") as folder:
            copy = Path(folder) / "file"
            fetch_blob(blobs, DATASETS, _stored(file), copy, what=f"accepted file {file.number}")
            taken.append(rows_at(copy, contract, places))
    return pa.concat_tables(taken)


def _stored(file: Listed | AcceptedFile) -> str:
    return file.blob if isinstance(file, Listed) else file.stored
