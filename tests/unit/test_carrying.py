"""Carrying a version from one installation to another: two whole ones in memory, and what is refused on the way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared import wire
from shared.carrying import FROM_TAG, NotApproved, carry_in, carry_out, check_approved, patiently
from shared.certificates.carried import Carried, read_carried, vouched
from shared.certificates.signing import SignatureRefused, Signer
from shared.certificates.statement import About, CertificateRefused
from shared.effects.certificates import carried_certificate
from shared.errors import CapacityRefused, Permanent, PlatformBusy
from shared.names import carried_label, digest
from shared.runs.model_files import model_files
from shared.settings import LOCAL_WORKSPACE
from tests.fakes.carrier import FakeCarrier
from tests.world import BEGIN, CERTIFIED, SIGNING_KEY, World, evidence

MODEL = {"model.json": b'{"alpha": 1}', "parts/weights.bin": bytes(range(9))}
DEV, PROD = SIGNING_KEY, "22" * 32


def sha256_of(files: Mapping[str, bytes], folder: Path) -> str:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return model_files(folder).sha256


@dataclass
class Two:
    """An installation where m-0001 went live, and another with data of its own where version 1 serves."""

    dev: World
    prod: World
    out: FakeCarrier
    into: FakeCarrier

    @property
    def carried(self) -> Carried:
        return carried_certificate(self.dev.blobs, self.dev.release("m-0001"))

    @property
    def told(self) -> About:
        return vouched(self.carried, Signer(DEV).public, now=self.dev.now)

    def register(self, version: str) -> None:
        """The workspace's event about the version, as it comes in at the other installation."""
        seen = self.prod.registry.version("m", version)
        assert seen
        data = {"modelName": "m", "modelVersion": version, "modelTags": dict(seen.tags)}
        kind = "Microsoft.MachineLearningServices.ModelRegistered"
        subject = f"models/m:{version}"
        self.prod.app.intake.receive(wire.Delivered(f"r{version}", LOCAL_WORKSPACE, subject, kind, self.prod.now, data))
        self.prod.settle()


@pytest.fixture
def two(tmp_path: Path) -> Two:
    sha256 = sha256_of(MODEL, tmp_path / "model")
    dev, prod = World(tmp_path / "dev", signing_key=DEV), World(tmp_path / "prod", signing_key=PROD)
    for world in (dev, prod):
        world.registry.made["m-0001-t-1"] = MODEL
        world.trainer.script["certify"] = replace(CERTIFIED, result={**CERTIFIED.result, "model_sha256": sha256})
        world.publish()
        world.settle()
        world.go_live("rows")
    everyone: dict[tuple[str, str], Mapping[str, bytes]] = {}
    return Two(dev, prod, FakeCarrier(dev.registry, everyone), FakeCarrier(prod.registry, everyone))


def test_an_approved_version_goes_live_elsewhere_with_the_files_that_were_certified_and_is_never_trained_there(
    two: Two, tmp_path: Path
) -> None:
    runs = [request.step for request in two.prod.trainer.started]
    assert carry_out(two.out, two.told) == carried_label("m-0001", two.told.model_sha256)
    version = carry_in(two.into, two.prod.registry, two.told, digest(two.carried.certificate))
    assert version == "2"
    two.prod.trainer.script["judge"] = evidence(2500.0, 3000.0)
    two.register(version)
    release = two.prod.release("m-0002")
    assert (release.version, release.state) == ("2", "awaiting approval")
    two.prod.decide("m-0002")
    two.prod.wait(timedelta(minutes=5))
    assert two.prod.release("m-0002").state == "live"
    assert [request.step for request in two.prod.trainer.started][len(runs) :] == ["judge", "certify"]
    two.prod.registry.fetch("m", "2", tmp_path / "fetched")
    assert model_files(tmp_path / "fetched").sha256 == two.told.model_sha256


def test_carrying_twice_makes_one_version_and_one_release(two: Two) -> None:
    for _ in range(2):
        carry_out(two.out, two.told)
        assert carry_in(two.into, two.prod.registry, two.told, "c") == "2"
        two.register("2")
    assert len(two.prod.registry.versions("m")) == 2
    assert "m-0003" not in two.prod.states()


def test_what_was_received_says_where_it_comes_from(two: Two) -> None:
    carry_out(two.out, two.told)
    version = carry_in(two.into, two.prod.registry, two.told, digest(two.carried.certificate))
    seen = two.prod.registry.version("m", version)
    assert seen
    assert seen.tags[FROM_TAG] == "m-0001"
    assert seen.tags["baton.certificate"] == digest(two.carried.certificate)


def test_files_that_were_changed_in_the_shared_registry_are_refused_on_both_sides(two: Two) -> None:
    carry_out(two.out, two.told)
    label = carried_label("m-0001", two.told.model_sha256)
    two.out.shared["m", label] = {**MODEL, "model.json": b'{"alpha": 2}'}
    with pytest.raises(CertificateRefused, match="were changed"):
        carry_in(two.into, two.prod.registry, two.told, "c")
    with pytest.raises(CertificateRefused, match="were changed"):
        carry_out(two.out, two.told)
    assert len(two.prod.registry.versions("m")) == 1


def test_a_registry_that_keeps_other_files_than_it_was_given_is_found_out(two: Two) -> None:
    carry_out(two.out, two.told)

    class Losing(FakeCarrier):
        def receive(self, model: str, files: Path, *, carried: str, tags: Mapping[str, str]) -> str:
            (files / "model.json").unlink()
            return super().receive(model, files, carried=carried, tags=tags)

    with pytest.raises(CertificateRefused, match="were changed"):
        carry_in(Losing(two.prod.registry, two.out.shared), two.prod.registry, two.told, "c")


def test_a_certificate_is_believed_by_its_signature_bytes_and_expiry_only(two: Two) -> None:
    carried, known = two.carried, Signer(DEV).public
    assert read_carried(json.dumps(carried.document()).encode()) == carried
    with pytest.raises(SignatureRefused, match="not by the key"):
        vouched(carried, Signer(PROD).public, now=two.dev.now)
    with pytest.raises(CertificateRefused, match="certificate was changed"):
        vouched(replace(carried, certificate=carried.certificate + b"\n"), known, now=two.dev.now)
    with pytest.raises(CertificateRefused, match="expired"):
        vouched(carried, known, now=BEGIN + timedelta(days=365))


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"v": 2}', b'{"v": 1, "report": "r", "certificate": 1, "envelope": ""}']
)
def test_a_file_that_is_no_carried_certificate_is_refused(content: bytes) -> None:
    with pytest.raises(CertificateRefused, match="no carried certificate"):
        read_carried(content)


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ({"state": "awaiting approval"}, "is awaiting approval"),
        ({"state": "rolled back"}, "is rolled back"),
        ({"approved_by": ""}, "nobody approved it"),
    ],
)
def test_what_nobody_approved_is_not_carried(broken: dict[str, str], fault: str) -> None:
    good = {"id": "m-0001", "state": "live", "approved_by": "operations"}
    check_approved(good)
    with pytest.raises(NotApproved, match=fault):
        check_approved({**good, **broken})


def test_a_call_waits_as_long_as_the_platform_asks_and_ends_at_what_is_permanent() -> None:
    answers: list[Exception] = [
        CapacityRefused("no room", next="wait", after_seconds=7.0),
        PlatformBusy("lost", next="wait"),
        Permanent("no", next="mend it"),
    ]
    pauses: list[float] = []

    def call() -> None:
        raise answers.pop(0)

    with pytest.raises(Permanent, match="no"):
        patiently(call, pause=pauses.append)
    assert pauses == [7.0, 15.0]


def test_a_call_that_never_succeeds_ends_with_its_last_error() -> None:
    pauses: list[float] = []

    def call() -> None:
        raise PlatformBusy("lost", next="wait")

    with pytest.raises(PlatformBusy):
        patiently(call, pause=pauses.append, tries=3)
    assert len(pauses) == 2
