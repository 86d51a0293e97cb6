"""Unity Catalog's models, as databricks-sdk and MLflow's own client speak to them.

Shapes: https://docs.databricks.com/api/azure/workspace/ registeredmodels/create, registeredmodels/setalias,
modelversions/list, modelversions/delete, modelversions/getbyalias; and mlflow 3.17, mlflow/protos/
databricks_uc_registry_messages (CreateModelVersion, GetModelVersion, FinalizeModelVersion, SetModelVersionTag), whose
paths are those of databricks_uc_registry_service. What is
registered shows in lists after `lag` of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.wire.server import Answer, Asked

if TYPE_CHECKING:
    from tests.wire.databricks import FakeDatabricks

CATALOG = "/api/2.1/unity-catalog/models"
MODEL = rf"{CATALOG}/(?P<model>[^/]+)"
REGISTRY = "/api/2.0/mlflow/unity-catalog/model-versions"


class Models:
    """Versions by full name and number; aliases by full name."""

    def __init__(self, fake: FakeDatabricks) -> None:
        self._fake = fake
        self.found: dict[str, dict[str, dict[str, Any]]] = {}
        self.aliases: dict[str, dict[str, int]] = {}
        self._made: dict[str, int] = {}
        fake.route("POST", CATALOG, self._create_model)
        fake.route("GET", f"{MODEL}/versions", self._list)
        fake.route("DELETE", f"{MODEL}/versions/(?P<version>[0-9]+)", self._delete)
        fake.route("GET", f"{MODEL}/aliases/(?P<alias>[^/]+)", self._by_alias)
        fake.route("PUT", f"{MODEL}/aliases/(?P<alias>[^/]+)", self._set_alias)
        fake.route("POST", f"{REGISTRY}/create", self._create)
        fake.route("GET", f"{REGISTRY}/get", self._get)
        fake.route("POST", f"{REGISTRY}/finalize", self._finalize)
        fake.route("POST", f"{REGISTRY}/set-tag", self._set_tag)

    def make(self, model: str, tags: dict[str, str], *, status: str = "READY") -> dict[str, Any]:
        """A new version of a model that is made if need be."""
        versions = self.found.setdefault(model, {})
        self._made[model] = self._made.get(model, 0) + 1
        version = str(self._made[model])
        shown = [{"key": key, "value": value} for key, value in tags.items()]
        place = f"abfss://c@account.dfs.core.windows.net/models/{model}/versions/{version}"
        versions[version] = {
            "name": model,
            "version": version,
            "status": status,
            "tags": shown,
            "storage_location": place,
        }
        return versions[version]

    def _create_model(self, asked: Asked) -> Answer:
        wanted = asked.body
        name = f"{wanted['catalog_name']}.{wanted['schema_name']}.{wanted['name']}"
        if name in self.found:
            return error(409, "RESOURCE_ALREADY_EXISTS", f"Function or Model '{name}' already exists")
        self.found[name] = {}
        return Answer(document={"full_name": name, "name": wanted["name"]})

    def _list(self, asked: Asked, model: str) -> Answer:
        """Without tags, newest first."""
        if model not in self.found:
            return missing(f"Registered model '{model}' does not exist.")
        versions = list(self.found[model].values())
        if versions and self._fake.hidden(f"versions of {model}"):
            versions = versions[:-1]
        shown = [{"model_name": model.rpartition(".")[2], "version": int(one["version"])} for one in reversed(versions)]
        return Answer(document=self._fake.paged(asked, shown, "model_versions"))

    def _delete(self, _asked: Asked, model: str, version: str) -> Answer:
        if self.found.get(model, {}).pop(version, None) is None:
            return missing(f"Model version {version} does not exist.")
        return Answer(document={})

    def _by_alias(self, _asked: Asked, model: str, alias: str) -> Answer:
        version = self.aliases.get(model, {}).get(alias)
        if version is None:
            return missing(f"Alias '{alias}' does not exist.")
        return Answer(document={"version": version, "model_name": model.rpartition(".")[2]})

    def _set_alias(self, asked: Asked, model: str, alias: str) -> Answer:
        assert str(asked.body["version_num"]) in self.found[model]
        self.aliases.setdefault(model, {})[alias] = asked.body["version_num"]
        return Answer(document={"alias_name": alias, "version_num": asked.body["version_num"]})

    def _create(self, asked: Asked) -> Answer:
        name = asked.body["name"]
        if name not in self.found:
            return missing(f"Registered model '{name}' does not exist.")
        tags = {tag["key"]: tag["value"] for tag in asked.body.get("tags", ())}
        made = self.make(name, tags, status="PENDING_REGISTRATION")
        self._fake.hide(f"versions of {name}")
        return Answer(document={"model_version": made})

    def _get(self, asked: Asked) -> Answer:
        one = self.found.get(asked.query["name"], {}).get(asked.query["version"])
        if one is None:
            return missing(f"Model version {asked.query['version']} does not exist.")
        return Answer(document={"model_version": one})

    def _finalize(self, asked: Asked) -> Answer:
        one = self.found[asked.body["name"]][asked.body["version"]]
        if one["status"] != "PENDING_REGISTRATION":
            return error(400, "INVALID_STATE", "the version is not pending")
        one["status"] = "READY"
        return Answer(document={"model_version": one})

    def _set_tag(self, asked: Asked) -> Answer:
        one = self.found[asked.body["name"]][asked.body["version"]]
        kept = [tag for tag in one["tags"] if tag["key"] != asked.body["key"]]
        one["tags"] = [*kept, {"key": asked.body["key"], "value": asked.body["value"]}]
        return Answer(document={})


def missing(message: str) -> Answer:
    return error(404, "RESOURCE_DOES_NOT_EXIST", message)


def error(status: int, code: str, message: str) -> Answer:
    """An error as Databricks words it."""
    return Answer(status, {"error_code": code, "message": message})
