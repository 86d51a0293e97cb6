"""Model versions in the registry of an Azure ML workspace, through azureml-core (SDK v1).

The service gives nobody uniqueness and its lists lag behind its writes, while one version read by its id does not.
So whoever looks for a run's version lists, and then walks on by id from the newest that was listed.
"""

from __future__ import annotations

import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.platforms.azureml_champion import CHAMPION_TAG, latest, tag
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, TagsMoved, named
from shared.platforms.azureml_numbered import numbered
from shared.platforms.azureml_run import MODEL_PATH, READ_AGAIN_SECONDS, READS, RUN_TAG
from shared.platforms.azureml_service import Service, merged
from shared.platforms.azureml_sweeps import model_run
from shared.platforms.port import VersionSeen
from shared.platforms.remote_registry import RemoteRegistry

if TYPE_CHECKING:
    from azureml.core import Workspace

PAGE = 255


class AzureMLRegistry(RemoteRegistry):
    """Versions under the model's name. What a run made is `outputs/model` of the run, of a sweep that of its best trial.

    Callers of one process take turns. Two processes that register the same run at the same moment may make two
    versions with the same files; both then answer with the older one, and the other is never promoted.
    """

    def _register(self, model: str, run_id: str, tags: Mapping[str, str], workspace: Workspace) -> str:
        wanted = {**tags, RUN_TAG: run_id}
        found = _of_run(_versions(model, workspace), run_id)
        if found is None:
            self._create(model, run_id, wanted, workspace)
            found = _of_run(_versions(model, workspace), run_id)
        if found is None:
            raise NotThere(
                f"the version of {model} that run {run_id} was registered as does not show.",
                next="look at the model in the studio, then `baton retry`",
            )
        self._merge(model, int(found.version), wanted, workspace)
        return str(found.version)

    def _create(self, model: str, run_id: str, tags: Mapping[str, str], workspace: Workspace) -> None:
        from azureml.core import Run

        run = model_run(Run.get(workspace, run_id))
        for read in range(READS):
            if read:
                self._pause(READ_AGAIN_SECONDS)
            try:
                run.register_model(model, model_path=MODEL_PATH, tags=dict(tags), properties={RUN_TAG: run_id})
                return
            except Exception as error:
                ours = named(error, f"register run {run_id}")
                if not isinstance(ours, NotThere) or read == READS - 1:
                    raise ours from error

    def _merge(self, model: str, version: int, wanted: Mapping[str, str], workspace: Workspace) -> None:
        """Add the tags that are missing. The SDK writes all tags from what it read, so they are read before and after."""
        for _ in range(READS):
            found = _model(model, version, workspace)
            if found is None or merged(found.tags, wanted) == (found.tags or {}):
                return
            found.add_tags({name: value for name, value in wanted.items() if name not in (found.tags or {})})
        raise TagsMoved(
            f"the tags {', '.join(sorted(wanted))} of version {version} of {model} do not stay.",
            next="see who else writes tags on this model, then `baton retry`",
        )

    def _one(self, model: str, version: str, workspace: Workspace) -> VersionSeen | None:
        found = _model(model, int(version), workspace)
        return None if found is None else _seen(found)

    def _all(self, model: str, workspace: Workspace) -> Sequence[VersionSeen]:
        return [_seen(one) for one in _versions(model, workspace)]

    def _download(self, model: str, version: str, into: Path, workspace: Workspace) -> Path:
        _download(model, version, into, workspace)
        return _root(into)

    def _champion(self, model: str, serving: str, workspace: Workspace) -> str:
        own = _model(model, int(serving), workspace) if serving.isdigit() else None
        return latest(_versions(model, workspace), own)

    def _name(self, model: str, version: str, since: str, workspace: Workspace) -> None:
        def read() -> Any | None:
            return _model(model, int(version), workspace) if version.isdigit() else None

        tag(model, version, since, read=read, write=lambda found: found.add_tags({CHAMPION_TAG: since}))


def fetch_run_model(service: Service, run_id: str, into: Path) -> None:
    """Copy what a run left in outputs/model into an empty folder; `NotThere` if it left nothing."""

    def fetch(workspace: Workspace) -> None:
        from azureml.core import Run

        run = model_run(Run.get(workspace, run_id))
        if not any(name.startswith(f"{MODEL_PATH}/") for name in run.get_file_names()):
            raise NotThere(f"run {run_id} left no {MODEL_PATH}.", next="retry the release: it trains again")
        run.download_files(prefix=MODEL_PATH, output_directory=str(into), append_prefix=False)

    service.ask(f"fetch the model of run {run_id}", fetch)


def _versions(model: str, workspace: Workspace) -> list[Any]:
    """All versions, oldest first: those that the list shows, and those after them."""
    from azureml.core import Model

    found = {int(one.version): one for one in Model.list(workspace, name=model, expand=False, page_count=PAGE)}
    return numbered(found, lambda number: _model(model, number, workspace))


def _model(model: str, version: int, workspace: Workspace) -> Any | None:
    from azureml.core import Model

    try:
        return Model(workspace, id=f"{model}:{version}", expand=False)
    except Exception as error:
        ours = named(error, f"read version {version} of {model}")
        if isinstance(ours, NotThere):
            return None
        raise ours from error


def _of_run(versions: list[Any], run_id: str) -> Any | None:
    return next((one for one in versions if _run(one) == run_id), None)


def _run(found: Any) -> str:
    return str((found.tags or {}).get(RUN_TAG) or (found.properties or {}).get(RUN_TAG) or found.run_id or "")


def _seen(found: Any) -> VersionSeen:
    tags = {str(name): str(value) for name, value in (found.tags or {}).items()}
    return VersionSeen(found.name, str(found.version), found.url or "", tags, _run(found))


def _download(model: str, version: str, into: Path, workspace: Workspace) -> None:
    found = _model(model, int(version), workspace) if version.isdigit() else None
    if found is None:
        raise NotThere(f"Azure ML has no version {version} of {model}.", next="look at its versions in the studio")
    packed, found.unpack = found.unpack, False  # the SDK's own unpacking writes wherever the archive says
    found.download(str(into))
    for archive in [path for path in into.iterdir() if path.is_file() and packed]:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(into, filter="data")
        except tarfile.TarError as error:
            raise AzureMLRefused(
                f"the archive of version {version} of {model} cannot be unpacked: {error}.",
                next="see who registered it; register the files unpacked",
            ) from error
        archive.unlink()


def _root(draft: Path) -> Path:
    """The folder that holds the model's own files: what was registered as a folder comes inside a folder of its name."""
    entries = list(draft.iterdir())
    if len(entries) == 1 and entries[0].is_dir():
        return entries[0]
    root = draft / ".files"
    root.mkdir()
    for entry in entries:
        entry.rename(root / entry.name)
    return root
