"""What every registry must keep to. A later adapter subclasses `RegistryContract` and offers its own bench."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from shared.errors import Permanent, PlatformBusy
from shared.platforms.local import LocalRegistry
from shared.platforms.port import Registry
from tests.fakes.platform import FakeRegistry

FILES = {"model.json": b'{"alpha": 0.4}', "parts/weights.bin": bytes(range(256))}

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class RegistryBench(Protocol):
    """A registry, a model name that it does not know yet, and what happens around it."""

    @property
    def registry(self) -> Registry: ...

    @property
    def model(self) -> str: ...

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """A training run with this id made a model of these files."""
        ...

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        """Somebody registers a version with the platform's own client."""
        ...

    def unreachable(self) -> Registry:
        """A registry that does not answer."""
        ...


class RegistryContract:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> RegistryBench:
        raise NotImplementedError

    def test_a_model_that_nobody_registered_has_no_versions(self, bench: RegistryBench) -> None:
        assert bench.registry.versions(bench.model) == ()
        assert bench.registry.version(bench.model, "1") is None

    def test_a_registered_version_is_seen_with_its_run_and_tags(self, bench: RegistryBench) -> None:
        bench.made("pulse-0001-t-1", FILES)
        version = bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={"release": "pulse-0001"})
        seen = bench.registry.version(bench.model, version)
        assert seen
        assert (seen.model, seen.version, seen.run_id) == (bench.model, "1", "pulse-0001-t-1")
        assert seen.tags == {"release": "pulse-0001", "baton.run_id": "pulse-0001-t-1"}

    def test_registering_a_run_again_finds_its_version(self, bench: RegistryBench) -> None:
        bench.made("pulse-0001-t-1", FILES)
        first = bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={"release": "pulse-0001"})
        again = bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={"release": "pulse-0001"})
        assert again == first
        assert len(bench.registry.versions(bench.model)) == 1

    def test_eight_callers_at_once_register_one_version(self, bench: RegistryBench) -> None:
        bench.made("pulse-0001-t-1", FILES)

        def register(_caller: int) -> str:
            return bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={})

        with ThreadPoolExecutor(8) as callers:
            assert set(callers.map(register, range(8))) == {"1"}
        assert len(bench.registry.versions(bench.model)) == 1

    def test_versions_come_oldest_first_whoever_registered_them(self, bench: RegistryBench) -> None:
        bench.made("pulse-0001-t-1", FILES)
        bench.made("pulse-0002-t-1", FILES)
        ours = bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={})
        by_hand = bench.register_by_hand({"who": "a person"}, FILES)
        next_one = bench.registry.register(bench.model, run_id="pulse-0002-t-1", tags={})
        seen = bench.registry.versions(bench.model)
        assert [version.version for version in seen] == [ours, by_hand, next_one]
        assert seen[1].tags == {"who": "a person"}

    def test_a_version_is_fetched_with_exactly_its_files_also_twice(self, bench: RegistryBench, tmp_path: Path) -> None:
        bench.made("pulse-0001-t-1", FILES)
        version = bench.registry.register(bench.model, run_id="pulse-0001-t-1", tags={})
        for _ in range(2):
            bench.registry.fetch(bench.model, version, tmp_path / "fetched")
            assert contents(tmp_path / "fetched") == FILES

    def test_a_version_registered_by_hand_is_fetched_like_any_other(self, bench: RegistryBench, tmp_path: Path) -> None:
        version = bench.register_by_hand({}, FILES)
        bench.registry.fetch(bench.model, version, tmp_path / "fetched")
        assert contents(tmp_path / "fetched") == FILES

    def test_fetching_what_is_not_there_is_no_empty_model(self, bench: RegistryBench, tmp_path: Path) -> None:
        with pytest.raises(Permanent):
            bench.registry.fetch(bench.model, "7", tmp_path / "fetched")
        assert not (tmp_path / "fetched").exists()

    def test_nothing_is_named_champion_before_somebody_names_it(self, bench: RegistryBench) -> None:
        assert bench.registry.champion(bench.model, serving="") == ""
        bench.register_by_hand({}, FILES)
        assert bench.registry.champion(bench.model, serving="1") == ""

    def test_one_version_is_named_champion_the_one_that_was_named_last(self, bench: RegistryBench) -> None:
        for _ in range(2):
            bench.register_by_hand({"who": "a person"}, FILES)
        bench.registry.name_champion(bench.model, "1", since=AT)
        bench.registry.name_champion(bench.model, "2", since=AT + timedelta(hours=1))
        assert bench.registry.champion(bench.model, serving="1") == "2"
        for again in range(2):
            bench.registry.name_champion(bench.model, "1", since=AT + timedelta(hours=2 + again))
            assert bench.registry.champion(bench.model, serving="1") == "1"
        seen = bench.registry.version(bench.model, "1")
        assert seen
        assert seen.tags["who"] == "a person"

    def test_a_version_that_is_not_there_is_not_named(self, bench: RegistryBench) -> None:
        bench.register_by_hand({}, FILES)
        with pytest.raises(Permanent):
            bench.registry.name_champion(bench.model, "7", since=AT)
        assert bench.registry.champion(bench.model, serving="1") == ""

    def test_a_registry_that_does_not_answer_is_busy_and_never_empty(self, bench: RegistryBench) -> None:
        registry = bench.unreachable()
        with pytest.raises(PlatformBusy):
            registry.versions(bench.model)
        with pytest.raises(PlatformBusy):
            registry.version(bench.model, "1")
        with pytest.raises(PlatformBusy):
            registry.champion(bench.model, serving="1")
        with pytest.raises(PlatformBusy):
            registry.name_champion(bench.model, "1", since=AT)


def contents(folder: Path) -> dict[str, bytes]:
    """Relative path to bytes of all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class FakeBench:
    model = "pulse"

    def __init__(self) -> None:
        self.registry = FakeRegistry()

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        self.registry.made[run_id] = files

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        return self.registry.register_by_hand(self.model, tags=tags, files=files)

    def unreachable(self) -> Registry:
        registry = FakeRegistry()
        registry.busy = True
        return registry


class TestFakeRegistry(RegistryContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> FakeBench:
        return FakeBench()


class LocalBench:
    """MLflow, with each training run logged as `shared/runs` does it: files under `model`, the id in result.json."""

    def __init__(self, tracking_uri: str, model: str, home: Path) -> None:
        from mlflow.tracking import MlflowClient

        self.model = model
        self.home = home
        self.registry = LocalRegistry(tracking_uri, home=home)
        self._client = MlflowClient(tracking_uri, tracking_uri)

    def made(self, run_id: str, files: Mapping[str, bytes]) -> None:
        folder = self.home / "runs" / run_id
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({"v": 1, "mlflow_run_id": self._logged(files)}))

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        run = self._logged(files)
        if not self._client.search_registered_models(f"name = '{self.model}'"):
            self._client.create_registered_model(self.model)
        return str(self._client.create_model_version(self.model, f"runs:/{run}/model", run, tags=dict(tags)).version)

    def unreachable(self) -> Registry:
        return LocalRegistry("http://127.0.0.1:9", home=self.home)  # the discard port: nothing listens

    def _logged(self, files: Mapping[str, bytes]) -> str:
        run = self._client.create_run("0")
        for name, content in files.items():
            file = self.home / "logged" / run.info.run_id / name
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
        self._client.log_artifacts(run.info.run_id, self.home / "logged" / run.info.run_id, "model")
        return str(run.info.run_id)


class TestLocalRegistry(RegistryContract):
    numbers = count(1)

    @pytest.fixture
    def bench(self, tracking_uri: str, tmp_path: Path) -> LocalBench:
        return LocalBench(tracking_uri, f"pulse-{next(self.numbers)}", tmp_path / "home")
