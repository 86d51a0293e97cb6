"""A run's own folder, as its step sees it: the request, the inputs that lie there, and where the end is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.errors import BatonError, Permanent
from shared.names import release_of_run
from shared.platforms.port import RunRequest


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folder `path` of one run, whose request was `request`."""

    path: Path
    request: RunRequest

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """The run whose `request.json` lies in `path`."""
        return cls(path, RunRequest(**json.loads((path / "request.json").read_text())))

    @property
    def outputs(self) -> Path:
        """What the run makes; there is a folder."""
        return _made(self.path / "outputs")

    @property
    def scratch(self) -> Path:
        """What nobody needs when the run is over; there is a folder."""
        return _made(self.path / "scratch")

    @property
    def again(self) -> str:
        """The command that tries the run's release again, for remedies."""
        release = release_of_run(self.request.run_id)
        return f"`baton retry {release} --why ...`" if release else "start the run again"

    def input(self, name: str) -> Path:
        """The folder of a materialised input."""
        folder = self.path / "inputs" / name
        if not folder.is_dir():
            raise Permanent(
                f"run {self.request.run_id} has no input {name!r}", next=f"name it in the request; {self.again}"
            )
        return folder

    def has(self, name: str) -> bool:
        """Whether the request names the input."""
        return name in self.request.inputs

    @property
    def manifest(self) -> str:
        """The name of the dataset version that the request gives as input `data`.

        >>> RunDir(Path(), RunRequest("r", "m", "train", "f", {"data": "dataset:m/versions/ab.json"})).manifest
        'm/versions/ab.json'
        """
        return self.request.inputs["data"].removeprefix("dataset:")

    def version(self, name: str) -> str:
        """The model version that the request gives as the input, "" if it is a run's model.

        >>> run = RunDir(Path(), RunRequest("r", "m", "judge", "f", {"champion": "version:3", "candidate": "run:x"}))
        >>> run.version("champion"), run.version("candidate")
        ('3', '')
        """
        scheme, _, version = self.request.inputs[name].partition(":")
        return version if scheme == "version" else ""

    def complete(self, result: Mapping[str, object]) -> None:
        """Write the run's result document; a reader sees none or the whole."""
        _write(self.path / "result.json", result)

    def fail(self, error: BatonError) -> None:
        """Write why the run ended without a result, and the remedy."""
        _write(self.path / "error.json", {"what": error.what, "next": error.next})


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _write(file: Path, document: Mapping[str, object]) -> None:
    draft = file.with_name(f".{file.name}")
    draft.write_text(json.dumps(document, indent=1, allow_nan=False))
    draft.replace(file)
