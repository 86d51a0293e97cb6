"""A published folder: which files it has, and the hash that names it.

The hash is over the sorted lines `<sha256>  <path>` of its files, so equal folders have equal names
wherever and whenever they are published.
"""

from __future__ import annotations

from pathlib import Path

from shared.names import digest

SKIPPED = ("__pycache__",)
HASH_LENGTH = 16


def folder_files(folder: Path) -> list[Path]:
    """The folder's files, sorted by path; dot files, caches and links do not count."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if _counts(path.relative_to(folder)))


def _counts(relative: Path) -> bool:
    return not any(part.startswith(".") or part in SKIPPED for part in relative.parts)


def folder_hash(folder: Path) -> str:
    """The first 16 hex digits of the SHA-256 over the folder's files and their names."""
    files = [(path.relative_to(folder).as_posix(), digest(path.read_bytes())) for path in folder_files(folder)]
    return digest("".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files)))[:HASH_LENGTH]
