"""Model versions in Unity Catalog, through databricks-sdk.

Creating a version, its tags, and telling that its files are whole have no call in the SDK: they are the requests of
MLflow's own client (`/api/2.0/mlflow/unity-catalog/...`, mlflow 3.17, protos/databricks_uc_registry_*). Files go through
the Files API below /Models, as that client's DatabricksSDKModelsArtifactRepository has them. A version's number is the
service's choice, so a run's version is found by its tag, and a version is whole once it is READY: what a caller that died
left half made is filled by the next one, and beside one that failed another is made. Champion is an alias, which the
service keeps on one version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from shared.platforms.azureml_run import MODEL_PATH, READ_AGAIN_SECONDS, READS, RUN_TAG
from shared.platforms.databricks import run_folder
from shared.platforms.databricks_errors import NotThere, named
from shared.platforms.databricks_service import Workspace, found
from shared.platforms.databricks_versions import (
    READY,
    REGISTRY,
    download,
    files_below,
    files_of,
    make_model,
    tag,
    tagged,
    tags_of,
    version_of,
    versions_of,
)
from shared.platforms.port import VersionSeen
from shared.platforms.remote_registry import RemoteRegistry

CHAMPION, CHAMPION_TAG = "champion", "baton.champion"  # the tag says since when, ISO 8601


class DatabricksRegistry(RemoteRegistry):
    """Versions under the model's name in the schema. What a run made is `outputs/model` of its folder in the volume.

    Callers of one process take turns. Two processes that register one run at the same moment may make two versions of
    it: the older one is then the run's, whoever asks.
    """

    def _register(self, model: str, run_id: str, tags: Mapping[str, str], workspace: Workspace) -> str:
        wanted = {**tags, RUN_TAG: run_id}
        mine = _of_run(versions_of(model, workspace), run_id)
        if mine is None:
            self._wait_for_files(run_id, workspace)
            mine = _create(model, run_id, wanted, workspace)
        if mine["status"] != READY:
            self._fill(model, str(mine["version"]), run_id, workspace)
        _merge(model, mine, wanted, workspace)
        return str(mine["version"])

    def _wait_for_files(self, run_id: str, workspace: Workspace) -> None:
        """A version could be made of nothing, so the look at what there is, is ours."""
        for one in range(READS):
            if one:
                self._pause(READ_AGAIN_SECONDS)
            if next(files_below(workspace, _outputs(workspace, run_id)), None):
                return
        raise NotThere(f"run {run_id} left no {MODEL_PATH}.", next="retry the release: it trains again")

    def _fill(self, model: str, version: str, run_id: str, workspace: Workspace) -> None:
        """Copy the run's files into the version and say that it is whole; safe to repeat until then."""
        target = files_of(workspace, model, version)
        outputs = _outputs(workspace, run_id)
        for name in files_below(workspace, outputs):
            content = workspace.read(f"{outputs}/{name}")
            if content is None:
                raise NotThere(f"{name} of run {run_id} went meanwhile.", next="nothing: it is tried again")
            workspace.write(f"{target}/{name}", content)
        body = {"name": workspace.model(model), "version": version}
        workspace.ask("POST", f"{REGISTRY}/model-versions/finalize", body=body)

    def _one(self, model: str, version: str, workspace: Workspace) -> VersionSeen | None:
        one = version_of(model, version, workspace)
        return None if one is None else _seen(model, one)

    def _all(self, model: str, workspace: Workspace) -> Sequence[VersionSeen]:
        return [_seen(model, one) for one in versions_of(model, workspace) if one["status"] == READY]

    def _download(self, model: str, version: str, into: Path, workspace: Workspace) -> Path:
        download(model, version, into, workspace)
        return into

    def _champion(self, model: str, serving: str, workspace: Workspace) -> str:
        """The alias is read by itself and not from a list, so it does not lag; `serving` adds nothing to it."""
        return _champion(model, workspace)

    def _name(self, model: str, version: str, since: str, workspace: Workspace) -> None:
        _name_champion(model, version, since, workspace)


def _create(model: str, run_id: str, tags: Mapping[str, str], workspace: Workspace) -> dict[str, Any]:
    """A version with its tags in one request, and the model before it; after any error the run's is looked for again."""
    make_model(model, workspace)
    body = {
        "name": workspace.model(model),
        "source": f"dbfs:{_outputs(workspace, run_id)}",
        "tags": [{"key": key, "value": value} for key, value in sorted(tags.items())],
    }
    try:
        return dict(workspace.ask("POST", f"{REGISTRY}/model-versions/create", body=body)["model_version"])
    except Exception as error:
        if mine := _of_run(versions_of(model, workspace), run_id):
            return mine
        raise named(error, f"register run {run_id} as {model}") from error


def _merge(model: str, one: Mapping[str, Any], wanted: Mapping[str, str], workspace: Workspace) -> None:
    """Add the tags that are missing. Each is a request of its own, so nobody's other tags are touched."""
    for key, value in {**wanted, **tags_of(one)}.items():
        if key not in tags_of(one):
            tag(model, str(one["version"]), key, value, workspace)


def _champion(model: str, workspace: Workspace) -> str:
    """The version under the alias; "" only if the service says that there is no alias, or no model."""
    get = partial(workspace.client.model_versions.get_by_alias, workspace.model(model), CHAMPION)
    one = found(get, f"read the alias {CHAMPION} of {model}")
    return str(one.version) if one is not None and one.version else ""


def _name_champion(model: str, version: str, since: str, workspace: Workspace) -> None:
    """Move the alias, then write since when. The service knows the version: an alias on none is refused by a look first."""
    one = version_of(model, version, workspace)
    if one is None:
        raise NotThere(f"Databricks has no version {version} of {model}.", next="look at its versions in the catalog")
    workspace.client.registered_models.set_alias(workspace.model(model), CHAMPION, int(version))
    if tags_of(one).get(CHAMPION_TAG) != since:
        tag(model, version, CHAMPION_TAG, since, workspace)


def _of_run(versions: list[dict[str, Any]], run_id: str) -> dict[str, Any] | None:
    return tagged(versions, RUN_TAG, run_id)


def _seen(model: str, one: Mapping[str, Any]) -> VersionSeen:
    tags = tags_of(one)
    run_id = tags.get(RUN_TAG) or str(one.get("run_id") or "")
    return VersionSeen(model, str(one["version"]), str(one.get("storage_location") or ""), tags, run_id)


def _outputs(workspace: Workspace, run_id: str) -> str:
    return f"{run_folder(workspace, run_id)}/{MODEL_PATH}"
