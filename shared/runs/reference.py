"""The profile of the training features that drift is measured against; it travels with the version."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa

DECILES = np.linspace(0, 1, 11)


def reference(table: pa.Table, *, without: Collection[str]) -> dict[str, object]:
    """The reference document of all numeric columns but those named (key, target).

    {"v": 1, "rows": n, "features": {name: {"missing": rows without a finite value, "mean", "sd", "deciles": [11 values
    from minimum to maximum], "edges": inner bin edges, "counts": rows per bin}}}. Edges are the distinct inner
    deciles; bin i holds edges[i-1] < x <= edges[i], the outer bins are open, so that counts sum to rows - missing.
    """
    features = {
        name: _profile(column)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name not in without and _is_numeric(column.type)
    }
    return {"v": 1, "rows": table.num_rows, "features": features}


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _profile(column: pa.ChunkedArray) -> dict[str, object]:
    values = column.cast(pa.float64()).to_numpy()
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"missing": len(values), "mean": None, "sd": None, "deciles": [], "edges": [], "counts": []}
    deciles = np.quantile(finite, DECILES)
    edges = np.unique(deciles[1:-1])
    counts = np.bincount(np.searchsorted(edges, finite), minlength=len(edges) + 1)
    return {
        "missing": len(values) - len(finite),
        "mean": float(finite.mean()),
        "sd": float(finite.std()),
        "deciles": deciles.tolist(),
        "edges": edges.tolist(),
        "counts": counts.tolist(),
    }
