"""The files of a model version and the hash that names them, the same wherever they were copied to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from shared.names import digest


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file: path relative to the model's folder with slashes, SHA-256 in hex, size in bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """All files of a model, sorted by path."""

    files: tuple[ModelFile, ...]

    @property
    def sha256(self) -> str:
        """SHA-256 over the lines "<sha256>  <path>", sorted by path."""
        return digest("".join(f"{file.sha256}  {file.path}\n" for file in self.files))

    @property
    def bytes(self) -> int:
        """Size of all files together."""
        return sum(file.bytes for file in self.files)


def model_files(folder: Path) -> ModelFiles:
    """What lies in a model's folder; empty if there is no such folder."""
    paths = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())
    return ModelFiles(tuple(ModelFile(name, _sha256(path), path.stat().st_size) for name, path in paths))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
