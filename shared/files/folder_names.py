"""Names within folders of parts: which folder a blob lies in, which file closes it how, and what lies beside the parts. Pure."""

from __future__ import annotations

MANIFEST_ENDING = ".json"


def folder_of(blob: str) -> str:
    """The folder in which a blob lies below its model's prefix; "" if it lies there itself.

    >>> folder_of("m/2026-03-01/part-0.csv"), folder_of("m/a.csv")
    ('m/2026-03-01', '')
    """
    folder = blob.rpartition("/")[0]
    return folder if "/" in folder else ""


def above_partitions(folder: str) -> str:
    """The folder that partitions were written into, of one of them; "" where there is none below the model's prefix.

    >>> above_partitions("m/run/day=1/town=a"), above_partitions("m/run"), above_partitions("m/day=1")
    ('m/run', 'm/run', '')
    """
    steps = folder.split("/")
    while "=" in steps[-1]:
        steps.pop()
    return "/".join(steps) if len(steps) > 1 else ""


def is_manifest(closed_by: str) -> bool:
    """Whether the file that closes a folder lists its parts; otherwise what it holds plays no part.

    >>> is_manifest("manifest.json"), is_manifest("_SUCCESS")
    (True, False)
    """
    return closed_by.endswith(MANIFEST_ENDING)


def is_beside(name: str) -> bool:
    """Whether a file, by its path within a folder, is none of its parts, as Spark tells them apart.

    >>> [is_beside(name) for name in ("_committed_17", ".part-0.csv.crc", "_temporary/0/part-0.csv", "part-0.csv", "_day=1/a")]
    [True, True, True, False, False]
    """
    hidden = (step.startswith(".") or (step.startswith("_") and "=" not in step) for step in name.split("/"))
    return any(hidden) or name.endswith(".crc")
