"""What every way of carrying a version to another installation must keep to."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Protocol

import pytest

from shared.errors import Permanent, PlatformBusy
from shared.platforms.local_carrier import LocalCarrier
from shared.platforms.port import CARRIED_TAG, Carrier, Registry
from tests.contracts.test_registry_contract import FILES, FakeBench, LocalBench, contents
from tests.fakes.carrier import FakeCarrier

LABEL, CARRIED = "0001-3fa9c0d1", "pulse-0001:3fa9c0d1e2"


class CarrierBench(Protocol):
    """A carrier, the registry of its installation, and what happens around it."""

    @property
    def carrier(self) -> Carrier: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def model(self) -> str: ...

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str: ...

    def unreachable(self) -> Carrier:
        """A carrier whose shared registry does not answer."""
        ...


def written(files: Mapping[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


class CarrierContract:
    @pytest.fixture
    def bench(self, tmp_path: Path) -> CarrierBench:
        raise NotImplementedError

    def test_what_was_shared_is_fetched_with_exactly_its_files_also_twice(
        self, bench: CarrierBench, tmp_path: Path
    ) -> None:
        version = bench.register_by_hand({}, FILES)
        for _ in range(2):
            bench.carrier.share(bench.model, version, LABEL)
            bench.carrier.fetch(bench.model, LABEL, tmp_path / "fetched")
            assert contents(tmp_path / "fetched") == FILES

    def test_what_has_a_label_keeps_it(self, bench: CarrierBench, tmp_path: Path) -> None:
        first = bench.register_by_hand({}, FILES)
        other = bench.register_by_hand({}, {"model.json": b"another", "parts/weights.bin": b"1"})
        bench.carrier.share(bench.model, first, LABEL)
        bench.carrier.share(bench.model, other, LABEL)
        bench.carrier.fetch(bench.model, LABEL, tmp_path / "fetched")
        assert contents(tmp_path / "fetched") == FILES

    def test_a_version_that_is_not_there_is_not_shared(self, bench: CarrierBench, tmp_path: Path) -> None:
        bench.register_by_hand({}, FILES)
        with pytest.raises(Permanent):
            bench.carrier.share(bench.model, "7", LABEL)
        with pytest.raises(Permanent):
            bench.carrier.fetch(bench.model, LABEL, tmp_path / "fetched")
        assert not (tmp_path / "fetched").exists()

    def test_what_is_received_is_a_version_with_its_files_and_tags(self, bench: CarrierBench, tmp_path: Path) -> None:
        files = written(FILES, tmp_path / "model")
        version = bench.carrier.receive(bench.model, files, carried=CARRIED, tags={"baton.from": "pulse-0001"})
        seen = bench.registry.version(bench.model, version)
        assert seen
        assert seen.tags == {"baton.from": "pulse-0001", CARRIED_TAG: CARRIED}
        bench.registry.fetch(bench.model, version, tmp_path / "fetched")
        assert contents(tmp_path / "fetched") == FILES

    def test_what_is_received_again_is_the_same_version_and_other_files_are_another(
        self, bench: CarrierBench, tmp_path: Path
    ) -> None:
        files = written(FILES, tmp_path / "model")
        first = bench.carrier.receive(bench.model, files, carried=CARRIED, tags={})
        assert bench.carrier.receive(bench.model, files, carried=CARRIED, tags={}) == first
        other = written({"model.json": b"2"}, tmp_path / "other")
        assert bench.carrier.receive(bench.model, other, carried="pulse-0002:00", tags={}) != first
        assert len(bench.registry.versions(bench.model)) == 2

    def test_four_callers_at_once_receive_one_version(self, bench: CarrierBench, tmp_path: Path) -> None:
        files = written(FILES, tmp_path / "model")

        def receive(_caller: int) -> str:
            return bench.carrier.receive(bench.model, files, carried=CARRIED, tags={})

        with ThreadPoolExecutor(4) as callers:
            assert len(set(callers.map(receive, range(4)))) == 1
        assert len(bench.registry.versions(bench.model)) == 1

    def test_a_shared_registry_that_does_not_answer_is_busy_and_never_empty(
        self, bench: CarrierBench, tmp_path: Path
    ) -> None:
        version = bench.register_by_hand({}, FILES)
        carrier = bench.unreachable()
        with pytest.raises(PlatformBusy):
            carrier.share(bench.model, version, LABEL)


class FakeCarrierBench(FakeBench):
    def __init__(self) -> None:
        super().__init__()
        self.carrier = FakeCarrier(self.registry)

    def unreachable(self) -> Carrier:  # type: ignore[override]
        return FakeCarrier(self.registry, busy=True)


class TestFakeCarrier(CarrierContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> FakeCarrierBench:
        return FakeCarrierBench()


class LocalCarrierBench(LocalBench):
    def __init__(self, tracking_uri: str, model: str, home: Path) -> None:
        super().__init__(tracking_uri, model, home)
        self.carrier = LocalCarrier(self.registry, home / "shared")

    def unreachable(self) -> Carrier:  # type: ignore[override]
        (self.home / "file").write_text("no folder")
        return LocalCarrier(self.registry, self.home / "file")


class TestLocalCarrier(CarrierContract):
    numbers = count(1)

    @pytest.fixture
    def bench(self, tracking_uri: str, tmp_path: Path) -> LocalCarrierBench:
        return LocalCarrierBench(tracking_uri, f"pulse-{next(self.numbers)}", tmp_path / "home")
