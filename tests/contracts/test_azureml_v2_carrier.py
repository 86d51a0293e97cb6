"""azure-ai-ml's registry calls against a server that speaks a shared registry's wire: the carrier's contract, and its traps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.carrying import FROM_TAG, carry_in, carry_out
from shared.certificates.statement import About
from shared.errors import CapacityRefused, Permanent, PlatformBusy
from shared.platforms.azureml_errors import AzureMLRefused, NotThere
from shared.platforms.azureml_v2_carrier import AzureMLV2Carrier
from shared.platforms.port import Carrier
from shared.runs.model_files import model_files
from tests.contracts.test_azureml_v2_registry import AzureMLV2Bench
from tests.contracts.test_carrier_contract import CARRIED, LABEL, CarrierContract, written
from tests.contracts.test_registry_contract import FILES, contents
from tests.wire.authority import Authority
from tests.wire.azureml_v2 import FakeAzureMLV2
from tests.wire.azureml_v2_models import WHERE
from tests.wire.azureml_v2_shared import CONTAINER, REGISTRY

IMPORT = "/import$"


class AzureMLV2CarrierBench(AzureMLV2Bench):
    def __init__(self, fake: FakeAzureMLV2, source: Path) -> None:
        super().__init__(fake, source)
        self.carrier = self.to(REGISTRY)

    def to(self, registry: str) -> AzureMLV2Carrier:
        return AzureMLV2Carrier(self.fake.service(), registry, pause=self._pause)

    def register_by_hand(self, tags: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        folder = f"LocalUpload/{len(self.fake.models.found)}/m"
        for name, content in files.items():
            self.fake.blobs.files["azureml-blobstore-1", f"{folder}/{name}"] = content
        uri = f"azureml://{WHERE}/datastores/workspaceblobstore/paths/{folder}"
        return self.fake.models.register(self.model, uri, tags=tags)

    def unreachable(self) -> Carrier:  # type: ignore[override]
        self.fake.wire.fail("GET", "/discovery$", 503, times=99)
        return self.carrier


@pytest.fixture
def azureml(azureml_v2: FakeAzureMLV2, source: Path) -> AzureMLV2CarrierBench:
    return AzureMLV2CarrierBench(azureml_v2, source)


class TestAzureMLV2Carrier(CarrierContract):
    @pytest.fixture
    def bench(self, azureml: AzureMLV2CarrierBench) -> AzureMLV2CarrierBench:
        return azureml


def test_a_share_whose_answer_was_lost_is_found_and_not_repeated(azureml: AzureMLV2CarrierBench) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.fake.wire.fail("POST", IMPORT, 500, after=True)
    azureml.carrier.share("pulse", version, LABEL)
    assert azureml.fake.shared.imported == [f"pulse:{LABEL}"]


def test_what_the_registry_does_not_show_yet_is_looked_at_again_and_not_shared_twice(
    azureml: AzureMLV2CarrierBench, tmp_path: Path
) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.fake.lag = 2
    azureml.fake.wire.fail("POST", IMPORT, 500, after=True)
    azureml.carrier.share("pulse", version, LABEL)
    assert azureml.pauses == 2
    azureml.fake.hide(f"registry/pulse/{LABEL}")
    azureml.carrier.fetch("pulse", LABEL, tmp_path / "fetched")
    assert contents(tmp_path / "fetched") == FILES
    assert azureml.fake.shared.imported == [f"pulse:{LABEL}"]


def test_a_second_share_while_the_first_is_still_copied_waits(azureml: AzureMLV2CarrierBench) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.carrier.share("pulse", version, LABEL)
    azureml.fake.lag = 9
    azureml.fake.hide(f"registry/pulse/{LABEL}")
    with pytest.raises(CapacityRefused, match="could not share"):
        azureml.carrier.share("pulse", version, LABEL)
    assert azureml.fake.shared.imported == [f"pulse:{LABEL}"]


@pytest.mark.parametrize("path", ["/discovery$", IMPORT])
def test_a_throttled_share_says_how_long_to_wait_and_is_not_repeated_by_the_sdk(
    azureml: AzureMLV2CarrierBench, path: str
) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.fake.wire.fail("GET" if "disc" in path else "POST", path, 429, headers={"Retry-After": "7"})
    with pytest.raises(CapacityRefused) as refused:
        azureml.carrier.share("pulse", version, LABEL)
    assert refused.value.after_seconds == 7
    azureml.carrier.share("pulse", version, LABEL)
    assert azureml.fake.shared.imported == [f"pulse:{LABEL}"]


def test_a_registry_that_nobody_made_is_named_with_the_role_that_it_takes(azureml: AzureMLV2CarrierBench) -> None:
    version = azureml.register_by_hand({}, FILES)
    with pytest.raises(NotThere, match="no Azure ML registry nobodys") as refused:
        azureml.to("nobodys").share("pulse", version, LABEL)
    assert "AzureML Registry User" in refused.value.next


def test_a_token_that_was_revoked_is_fetched_anew(azureml: AzureMLV2CarrierBench) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.registry.version("pulse", version)
    azureml.carrier.share("pulse", version, "0001-1")
    azureml.fake.revoked.update(azureml.fake.tokens)
    azureml.carrier.share("pulse", version, LABEL)
    assert azureml.fake.shared.imported == ["pulse:0001-1", f"pulse:{LABEL}"]


def test_a_file_of_the_registry_that_leaves_its_folder_is_not_written(
    azureml: AzureMLV2CarrierBench, tmp_path: Path
) -> None:
    version = azureml.register_by_hand({}, FILES)
    azureml.carrier.share("pulse", version, LABEL)
    azureml.fake.blobs.files[CONTAINER, f"pulse-{LABEL}/m/../../../../escaped"] = b"1"
    azureml.carrier.fetch("pulse", LABEL, tmp_path / "a" / "b" / "fetched")
    assert contents(tmp_path / "a" / "b" / "fetched") == FILES
    assert not list(tmp_path.rglob("escaped"))


def test_a_label_without_files_is_no_empty_model(azureml: AzureMLV2CarrierBench, tmp_path: Path) -> None:
    version = azureml.register_by_hand({}, {})
    azureml.carrier.share("pulse", version, LABEL)
    with pytest.raises(AzureMLRefused, match="has no files"):
        azureml.carrier.fetch("pulse", LABEL, tmp_path / "fetched")


def test_a_version_whose_answer_was_lost_is_found_and_not_received_twice(
    azureml: AzureMLV2CarrierBench, tmp_path: Path
) -> None:
    files = written(FILES, tmp_path / "model")
    azureml.fake.wire.fail("PUT", "/models/pulse/versions/1$", 500, after=True)
    assert azureml.carrier.receive("pulse", files, carried=CARRIED, tags={}) == "1"
    azureml.fake.lag = 9
    azureml.fake.hide("models/pulse/1")
    assert azureml.carrier.receive("pulse", files, carried=CARRIED, tags={}) == "1"
    assert len(azureml.fake.models.found) == 1


def test_a_caller_that_dies_between_upload_and_version_leaves_no_version_and_a_repeat_makes_one(
    azureml: AzureMLV2CarrierBench, tmp_path: Path
) -> None:
    files = written(FILES, tmp_path / "model")
    azureml.fake.wire.fail("PUT", "/models/pulse/versions/1$", 403)
    with pytest.raises(Permanent):
        azureml.carrier.receive("pulse", files, carried=CARRIED, tags={})
    assert azureml.fake.models.found == {}
    version = azureml.carrier.receive("pulse", files, carried=CARRIED, tags={})
    azureml.registry.fetch("pulse", version, tmp_path / "fetched")
    assert contents(tmp_path / "fetched") == FILES


def test_a_workspace_that_does_not_answer_receives_nothing(azureml: AzureMLV2CarrierBench, tmp_path: Path) -> None:
    azureml.fake.wire.fail("GET", "/models/pulse/versions$", 503, times=9)
    with pytest.raises(PlatformBusy):
        azureml.carrier.receive("pulse", written(FILES, tmp_path / "model"), carried=CARRIED, tags={})


def test_a_certified_version_goes_from_one_workspace_to_another_through_the_wire(
    azureml: AzureMLV2CarrierBench,
    authority: Authority,
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = azureml.register_by_hand({}, FILES)
    sha256 = model_files(written(FILES, tmp_path / "model")).sha256
    day = datetime(2026, 3, 1, tzinfo=UTC)
    told = About("pulse", version, "pulse-0007", "f", "pulse-0007-c-1", sha256, day, day + timedelta(days=90))
    carry_out(azureml.carrier, told)
    with FakeAzureMLV2(authority).running() as fake:
        for name, value in fake.wire.environment.items():
            monkeypatch.setenv(name, value)
        fake.shared.use(azureml.fake.shared.contents)
        other = AzureMLV2CarrierBench(fake, source)
        for _ in range(2):
            assert carry_in(other.carrier, other.registry, told, "c") == "1"
        assert fake.models.found["pulse", "1"]["properties"]["tags"][FROM_TAG] == "pulse-0007"
        other.registry.fetch("pulse", "1", tmp_path / "arrived")
    assert contents(tmp_path / "arrived") == FILES
    assert len(azureml.fake.models.found) == 1


@pytest.mark.parametrize("way", ["share", "receive"])
def test_a_caller_that_ends_before_any_request_leaves_nothing_double_and_a_repeat_brings_it_to_its_end(
    azureml: AzureMLV2CarrierBench, way: str, tmp_path: Path
) -> None:
    version = azureml.register_by_hand({}, FILES)

    def call(number: int) -> None:
        if way == "share":
            azureml.carrier.share("pulse", version, f"0001-{number}")
        else:
            files = written({**FILES, "number": b"%d" % number}, tmp_path / f"{number}" / "model")
            azureml.carrier.receive("pulse", files, carried=f"pulse-0001:{number}", tags={})

    for number in range(30):
        azureml.fake.wire.cut_after(number)
        try:
            call(number)
        except PlatformBusy:
            azureml.fake.wire.cut_after(None)
            call(number)
        else:
            break
    else:
        raise AssertionError("it takes more requests than were tried")
    azureml.fake.wire.cut_after(None)
    assert number > 3
    if way == "share":
        assert azureml.fake.shared.imported == [f"pulse:0001-{one}" for one in range(number + 1)]
    else:
        assert len(azureml.fake.models.found) == 1 + number + 1
