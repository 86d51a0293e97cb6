"""`baton carry` between two installations of a laptop: Baton's real API on one side, MLflow and a folder on both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from local.mlflow_server import mlflow_server
from shared.certificates.signing import Signer
from shared.platforms.local import LocalRegistry
from shared.web.site import site
from tests.contracts.test_registry_contract import FILES, contents
from tests.integration.command_line import CommandLine
from tests.storybook import USERS, serving
from tests.unit.test_carrying import sha256_of
from tests.world import CERTIFIED, SIGNING_KEY, World

NUMBERS = count(1)
DEV_KEY = Signer(SIGNING_KEY).public


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for both sides: what arrives is one more version of the same model."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@dataclass
class Laptop:
    """A release that waits for a person, its version in MLflow, and a terminal that finds both."""

    world: World
    model: str
    home: Path
    baton: CommandLine
    registry: LocalRegistry

    @property
    def release(self) -> str:
        return f"{self.model}-0001"

    @property
    def shared(self) -> str:
        return str(self.home / "everyone")

    def approve(self) -> None:
        self.world.decide(self.release, model=self.model)
        self.world.settle(self.model)

    def out(self) -> Path:
        file = self.home / "carried.json"
        ran = self.baton(
            "carry", "out", self.release, "--to", self.shared, "--file", str(file), "--public-key", DEV_KEY
        )
        assert ran.code == 0, ran.err
        return file


@pytest.fixture
def laptop(mlflow: str, tmp_path: Path) -> Iterator[Laptop]:
    model, home = f"m{next(NUMBERS)}", tmp_path / "home"
    home.mkdir()
    (home / "users.json").write_text(json.dumps(USERS))
    world, registry = World(home, datetime.now(UTC)), LocalRegistry(mlflow, home)
    sha256 = sha256_of(FILES, tmp_path / "model")
    assert registry.add(model, tmp_path / "model", carried="by hand", tags={}) == "1"
    world.registry.made[f"{model}-0001-t-1"] = FILES
    world.trainer.script["certify"] = replace(CERTIFIED, result={**CERTIFIED.result, "model_sha256": sha256})
    world.publish(model)
    world.settle(model)
    world.drop("rows", model=model)
    world.settle(model)
    with serving(site(world.app)) as url:
        env = {
            "BATON_URL": url,
            "BATON_TOKEN": next(iter(USERS)),
            "MLFLOW_TRACKING_URI": mlflow,
            "BATON_HOME": str(home),
        }
        yield Laptop(world, model, tmp_path, CommandLine(env), registry)


def test_what_waits_for_a_person_is_not_carried_and_what_they_approved_arrives_once_with_its_files(
    laptop: Laptop,
) -> None:
    refused = laptop.baton("carry", "out", laptop.release, "--to", laptop.shared, "--public-key", DEV_KEY)
    assert refused.code == 1
    assert f"{laptop.release} is awaiting approval" in refused.err
    assert not Path(laptop.shared).exists()

    laptop.approve()
    file = laptop.out()
    for _ in range(2):
        ran = laptop.baton("carry", "in", str(file), "--from", laptop.shared, "--json", BATON_PUBLIC_KEYS=DEV_KEY)
        assert (ran.code, ran.json) == (
            0,
            {"release": laptop.release, "model": laptop.model, "version": "2", "was": "1"},
        )
    laptop.registry.fetch(laptop.model, "2", laptop.home / "fetched")
    assert contents(laptop.home / "fetched") == FILES
    seen = laptop.registry.version(laptop.model, "2")
    assert seen
    assert seen.tags["baton.carried_from"] == laptop.release


def test_what_was_changed_on_the_way_or_is_another_certificate_is_refused(laptop: Laptop) -> None:
    laptop.approve()
    file = laptop.out()
    asked = ("carry", "in", str(file), "--from", laptop.shared)
    stranger = laptop.baton(*asked, "--public-key", Signer("33" * 32).public)
    assert (stranger.code, "not by the key" in stranger.err) == (1, True)
    other = laptop.baton(*asked, "--public-key", DEV_KEY, "--certificate", "reports/m/other.json")
    assert (other.code, "not reports/m/other.json" in other.err) == (1, True)
    (weights,) = Path(laptop.shared).rglob("weights.bin")
    weights.write_bytes(b"others")
    changed = laptop.baton(*asked, "--public-key", DEV_KEY)
    assert (changed.code, "were changed" in changed.err) == (1, True)
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "certificate": document["certificate"].replace("500", "501")}))
    edited = laptop.baton(*asked, "--public-key", DEV_KEY)
    assert (edited.code, "the certificate was changed" in edited.err) == (1, True)
    assert len(laptop.registry.versions(laptop.model)) == 1


def test_a_platform_that_carries_nothing_says_what_does(laptop: Laptop) -> None:
    laptop.approve()
    asked = ("carry", "out", laptop.release, "--to", "company", "--public-key", DEV_KEY)
    ran = laptop.baton(*asked, BATON_PLATFORM="azureml")
    assert ran.code == 1
    assert "BATON_PLATFORM=azureml_v2 for this command" in ran.err
    assert "Unity Catalog shows a version" in laptop.baton(*asked, BATON_PLATFORM="databricks").err
    missing = laptop.baton(*asked, BATON_PLATFORM="azureml_v2")
    assert "BATON_WORKSPACE_SOURCE is missing" in missing.err


def test_a_release_without_a_certificate_has_none_to_carry(laptop: Laptop) -> None:
    laptop.world.trainer.script["certify"] = replace(CERTIFIED, result={"error": "it did not start"})
    laptop.world.drop("more rows", model=laptop.model)
    laptop.world.settle(laptop.model)
    ran = laptop.baton("carry", "out", f"{laptop.model}-0002", "--to", laptop.shared, "--public-key", DEV_KEY)
    assert ran.code == 1
    assert f"{laptop.model}-0002 is" in ran.err
