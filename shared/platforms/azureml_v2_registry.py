"""Model versions in the registry of an Azure ML workspace, through azure-ai-ml (SDK v2).

A version's number is the client's own choice, and the service refuses to give a version that exists another path.
So whoever registers takes the number after the last one; who comes second with it is refused, and takes the next.
Lists lag behind writes, while one version read by its number does not: after the list, versions are read by number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from shared.platforms.azureml_champion import CHAMPION_TAG, latest, tag
from shared.platforms.azureml_errors import AzureMLRefused, NotThere, TagsMoved, named
from shared.platforms.azureml_numbered import numbered
from shared.platforms.azureml_run import MODEL_PATH, READ_AGAIN_SECONDS, READS, RUN_TAG
from shared.platforms.azureml_service import merged
from shared.platforms.azureml_v2_files import Place, fetch, names
from shared.platforms.azureml_v2_numbers import take_number
from shared.platforms.azureml_v2_service import Workspace, found
from shared.platforms.azureml_v2_sweeps import model_run
from shared.platforms.port import VersionSeen
from shared.platforms.remote_registry import RemoteRegistry


class AzureMLV2Registry(RemoteRegistry):
    """Versions under the model's name. What a run made is `outputs/model` of the run, of a sweep that of its best trial.

    A run becomes one version: its number is taken by a write that only the first one succeeds with, and after it
    every version is looked at again for the run. Callers of one process take turns.
    """

    def _register(self, model: str, run_id: str, tags: Mapping[str, str], workspace: Workspace) -> str:
        wanted = {**tags, RUN_TAG: run_id}
        known = versions_of(model, workspace)
        mine = _of_run(known, run_id)
        if mine is None:
            made_by = model_run(workspace, run_id)
            self._wait_for_files(made_by, workspace)
            mine = take_number(
                model,
                known,
                create=lambda number: self._create(model, number, run_id, made_by, wanted, workspace),
                mine=lambda: _of_run(versions_of(model, workspace), run_id),
                read=lambda number: version_of(model, number, workspace),
            )
        self._merge(model, str(mine.version), wanted, workspace)
        return str(mine.version)

    def _wait_for_files(self, run_id: str, workspace: Workspace) -> None:
        """The service registers a path without a look at what is there, so that look is ours."""
        for one in range(READS):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if names(workspace, Place.of_run(run_id, MODEL_PATH)):
                return
        raise NotThere(f"run {run_id} left no {MODEL_PATH}.", next="retry the release: it trains again")

    def _create(
        self, model: str, version: str, run_id: str, made_by: str, tags: Mapping[str, str], workspace: Workspace
    ) -> Exception | None:
        """Write the version; the error, if any: it may have worked all the same, or the number may be taken."""
        from azure.ai.ml.entities import Model

        path = f"azureml://jobs/{made_by}/outputs/artifacts/paths/{MODEL_PATH}/"
        made = Model(name=model, version=version, path=path, tags=dict(tags), properties={RUN_TAG: run_id})
        try:
            workspace.client.models.create_or_update(made)
        except Exception as error:  # noqa: BLE001 - whoever asked looks at what came of it
            return named(error, f"register run {run_id} as version {version} of {model}")
        return None

    def _merge(self, model: str, version: str, wanted: Mapping[str, str], workspace: Workspace) -> None:
        """Add the tags that are missing. A write replaces all tags, so they are read before and after."""
        for _ in range(READS):
            one = version_of(model, version, workspace)
            if one is None or merged(one.tags, wanted) == dict(one.tags or {}):
                return
            one.tags = {**wanted, **(one.tags or {})}
            workspace.client.models.create_or_update(one)
        raise TagsMoved(
            f"the tags {', '.join(sorted(wanted))} of version {version} of {model} do not stay.",
            next="see who else writes tags on this model, then `baton retry`",
        )

    def _one(self, model: str, version: str, workspace: Workspace) -> VersionSeen | None:
        one = version_of(model, version, workspace)
        return None if one is None else _seen(model, one)

    def _all(self, model: str, workspace: Workspace) -> Sequence[VersionSeen]:
        return [_seen(model, one) for one in versions_of(model, workspace)]

    def _download(self, model: str, version: str, into: Path, workspace: Workspace) -> Path:
        _download(model, version, into, workspace)
        return into

    def _champion(self, model: str, serving: str, workspace: Workspace) -> str:
        own = version_of(model, serving, workspace) if serving.isdigit() else None
        return latest(versions_of(model, workspace), own)

    def _name(self, model: str, version: str, since: str, workspace: Workspace) -> None:
        def read() -> Any | None:
            return version_of(model, version, workspace) if version.isdigit() else None

        def write(one: Any) -> None:
            one.tags = {**(one.tags or {}), CHAMPION_TAG: since}
            workspace.client.models.create_or_update(one)

        tag(model, version, since, read=read, write=write)


def versions_of(model: str, workspace: Workspace) -> list[Any]:
    """All versions with a number, oldest first, archived ones too: those that the list shows, and those after them."""
    from azure.ai.ml.constants import ListViewType

    listed = found(
        workspace,
        lambda: list(workspace.client.models.list(model, list_view_type=ListViewType.ALL)),
        f"list the versions of {model}",
    )
    shown = {int(one.version): one for one in listed or () if str(one.version).isdigit()}
    return numbered(shown, lambda number: version_of(model, str(number), workspace))


def version_of(model: str, version: str, workspace: Workspace) -> Any | None:
    """One version by its number, as the SDK has it; None only if the service says that there is none."""
    get = partial(workspace.client.models.get, model, version)
    return found(workspace, get, f"read version {version} of {model}")


def _of_run(versions: list[Any], run_id: str) -> Any | None:
    return next((one for one in versions if _run(one) == run_id), None)


def _run(one: Any) -> str:
    return str((one.properties or {}).get(RUN_TAG) or (one.tags or {}).get(RUN_TAG) or one.job_name or "")


def _seen(model: str, one: Any) -> VersionSeen:
    tags = {str(name): str(value) for name, value in (one.tags or {}).items()}
    return VersionSeen(model, str(one.version), str(one.path or ""), tags, _run(one))


def _download(model: str, version: str, into: Path, workspace: Workspace) -> None:
    one = version_of(model, version, workspace) if version.isdigit() else None
    if one is None:
        raise NotThere(f"Azure ML has no version {version} of {model}.", next="look at its versions in the studio")
    if not fetch(workspace, Place.of(str(one.path)), into):
        raise AzureMLRefused(
            f"there are no files where version {version} of {model} says they are: {one.path}.",
            next="see who removed them; register the model again",
        )
