"""Model versions in Unity Catalog, as the registry and what is packed for serving need them: one by one, with their tags
and their files, for which databricks-sdk has no call (see `databricks_registry`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from shared.platforms.databricks_errors import DatabricksRefused, NameTaken, NotThere, named
from shared.platforms.databricks_service import Workspace, found

REGISTRY = "/api/2.0/mlflow/unity-catalog"
READY, FAILED = "READY", "FAILED_REGISTRATION"
PAGE = 200
GAP = 2  # versions that were deleted since the list was made


def versions_of(model: str, workspace: Workspace) -> list[dict[str, Any]]:
    """All versions, oldest first, each with its tags, which the list has none of; none for a model that is not there.

    After those that the list shows, the next numbers are read: a list lags, while a version read by its number does not.
    """
    listed = found(
        lambda: list(workspace.client.model_versions.list(workspace.model(model), max_results=PAGE)),
        f"list the versions of {model}",
    )
    numbers = sorted(int(one.version or 0) for one in listed or ())
    shown = [one for number in numbers if (one := version_of(model, str(number), workspace)) is not None]
    number, missed = (numbers[-1] if numbers else 0) + 1, 0
    while listed is not None and missed < GAP:
        later = version_of(model, str(number), workspace)
        missed = 0 if later is not None else missed + 1
        shown += [later] if later is not None else []
        number += 1
    return shown


def version_of(model: str, version: str, workspace: Workspace) -> dict[str, Any] | None:
    """One version, read by its number; None only if there is none."""
    if not version.isdigit():
        return None
    query = {"name": workspace.model(model), "version": version}
    answer = found(
        lambda: workspace.ask("GET", f"{REGISTRY}/model-versions/get", query=query),
        f"read version {version} of {model}",
    )
    return dict(answer["model_version"]) if answer else None


def make_model(model: str, workspace: Workspace) -> None:
    """Make the model, or find it."""
    catalog, schema = workspace.schema.split(".")
    try:
        workspace.client.registered_models.create(catalog_name=catalog, schema_name=schema, name=model)
    except Exception as error:
        ours = named(error, f"make the model {model}")
        if not isinstance(ours, NameTaken):
            raise ours from error


def tag(model: str, version: str, key: str, value: str, workspace: Workspace) -> None:
    """Set one tag; the others stay."""
    body = {"name": workspace.model(model), "version": version, "key": key, "value": value}
    workspace.ask("POST", f"{REGISTRY}/model-versions/set-tag", body=body)


def tags_of(one: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a version, which the service has as a list."""
    return {str(tag["key"]): str(tag.get("value", "")) for tag in one.get("tags") or ()}


def tagged(versions: Iterable[dict[str, Any]], key: str, value: str) -> dict[str, Any] | None:
    """The first version with this tag. One that failed to be registered is none: the service never makes it READY."""
    whole = (one for one in versions if one["status"] != FAILED)
    return next((one for one in whole if tags_of(one).get(key) == value), None)


def files_of(workspace: Workspace, model: str, version: str) -> str:
    """Where the Files API has a version's files."""
    return f"/Models/{workspace.model(model).replace('.', '/')}/{version}"


def files_below(workspace: Workspace, folder: str) -> Iterator[str]:
    """Relative paths of all files below a folder; none for a folder that is not there."""
    list_one = partial(workspace.client.files.list_directory_contents, folder)
    for entry in found(lambda: list(list_one()), f"list {folder}") or ():
        if entry.is_directory:
            yield from (f"{entry.name}/{name}" for name in files_below(workspace, str(entry.path).rstrip("/")))
        else:
            yield str(entry.name)


def download(model: str, version: str, into: Path, workspace: Workspace) -> None:
    """Copy the files of a version that is whole."""
    one = version_of(model, version, workspace)
    if one is None or one["status"] != READY:
        raise NotThere(f"Databricks has no version {version} of {model}.", next="look at its versions in the catalog")
    folder, count = files_of(workspace, model, version), 0
    for name in files_below(workspace, folder):
        target = (into / name).resolve()
        content = workspace.read(f"{folder}/{name}")
        if not target.is_relative_to(into.resolve()) or content is None:
            raise DatabricksRefused(
                f"{name} of version {version} of {model} cannot be copied into its folder.",
                next="see who wrote it; register the model again without it",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        count += 1
    if not count:
        raise DatabricksRefused(
            f"version {version} of {model} has no files.", next="see who removed them; register the model again"
        )
