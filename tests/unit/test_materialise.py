"""A run's inputs arrive whole and unaltered, or the run does not begin and says what to do."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest

from local.materialise import run_model
from shared.data.versions import ManifestRefused
from shared.files.folder import folder_hash
from shared.files.published import InputAltered, InputMissing
from shared.platforms.port import RunRequest
from shared.runs.materialise import Sources, materialise
from tests.fakes.platform import FakeRegistry
from tests.fakes.storage import MemoryBlobs

ROWS = b"AGE,Y\n59,151\n48,75\n"
SHA256 = hashlib.sha256(ROWS).hexdigest()
BLOB = f"pulse/files/{SHA256}.csv"


class Shop:
    """Storage, registry and runs with something in each."""

    def __init__(self, home: Path) -> None:
        self.blobs = MemoryBlobs()
        self.registry = FakeRegistry()
        self.runs = home / "runs"
        self.inputs = home / "runs" / "pulse-0002-t-1" / "inputs"
        self.folder = self.publish(home / "pulse", {"train.py": "print(1)", "tests/cases.json": "[]"})

    def publish(self, folder: Path, files: dict[str, str]) -> str:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        published = folder_hash(folder)
        for name, text in files.items():
            self.blobs.drop("models", f"pulse/{published}/{name}", text.encode())
        return published

    def dataset(self) -> str:
        """A dataset version of one file; returns the name of its manifest."""
        file = {"number": 1, "sha256": SHA256, "rows": 2, "bytes": len(ROWS), "blob": BLOB, "new": True}
        manifest = json.dumps({"v": 1, "model": "pulse", "contract": "0" * 64, "files": [file]}).encode()
        name = f"pulse/versions/{hashlib.sha256(manifest).hexdigest()}.json"
        self.blobs.drop("datasets", BLOB, ROWS)
        self.blobs.drop("datasets", name, manifest)
        return name

    def materialise(self, **inputs: str) -> None:
        request = RunRequest("pulse-0002-t-1", "pulse", "train", self.folder, inputs)
        materialise(
            request, self.inputs, sources=Sources(self.blobs, partial(run_model, self.runs), lambda: self.registry)
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_the_runs_own_folder_is_always_there(shop: Shop) -> None:
    shop.materialise()
    assert (shop.inputs / "folder" / "train.py").read_text() == "print(1)"
    assert (shop.inputs / "folder" / "tests" / "cases.json").read_text() == "[]"


def test_a_dataset_is_its_manifest_and_its_files_by_hash(shop: Shop) -> None:
    name = shop.dataset()
    shop.materialise(data=f"dataset:{name}")
    assert (shop.inputs / "data" / "manifest.json").read_bytes() == shop.blobs.read("datasets", name)
    assert (shop.inputs / "data" / "files" / f"{SHA256}.csv").read_bytes() == ROWS


def test_an_altered_file_of_a_dataset_is_refused_by_name_and_nothing_is_left(shop: Shop) -> None:
    name = shop.dataset()
    shop.blobs.drop("datasets", BLOB, ROWS + b"99,1\n")
    with pytest.raises(InputAltered, match=f"datasets/{BLOB} was altered.*Next: restore it"):
        shop.materialise(data=f"dataset:{name}")
    assert not (shop.inputs / "data").exists()


def test_an_altered_manifest_is_refused(shop: Shop) -> None:
    name = shop.dataset()
    shop.blobs.drop("datasets", name, shop.blobs.read("datasets", name).replace(b'"rows": 2', b'"rows": 3'))
    with pytest.raises(ManifestRefused, match="was altered"):
        shop.materialise(data=f"dataset:{name}")


def test_a_missing_manifest_is_said_with_its_name(shop: Shop) -> None:
    with pytest.raises(InputMissing, match=r"datasets/pulse/versions/0\.json is gone"):
        shop.materialise(data="dataset:pulse/versions/0.json")


def test_a_runs_model_comes_from_its_outputs(shop: Shop) -> None:
    made = shop.runs / "pulse-0001-t-1" / "outputs" / "model"
    made.mkdir(parents=True)
    (made / "model.json").write_text("{}")
    shop.materialise(candidate="run:pulse-0001-t-1")
    assert (shop.inputs / "candidate" / "model.json").read_text() == "{}"


def test_a_run_without_a_model_is_said_with_the_remedy(shop: Shop) -> None:
    with pytest.raises(InputMissing, match=r"run pulse-0001-t-1 left no outputs/model.*Next: retry"):
        shop.materialise(candidate="run:pulse-0001-t-1")


def test_a_version_comes_from_the_registry(shop: Shop) -> None:
    version = shop.registry.register_by_hand("pulse", tags={}, files={"model.json": b"{}"})
    shop.materialise(champion=f"version:{version}")
    assert (shop.inputs / "champion" / "model.json").read_bytes() == b"{}"


def test_another_published_folder_can_be_an_input(shop: Shop, tmp_path: Path) -> None:
    older = shop.publish(tmp_path / "older", {"score.py": "old"})
    shop.materialise(champion_folder=f"folder:{older}")
    assert (shop.inputs / "champion_folder" / "score.py").read_text() == "old"


def test_an_altered_published_folder_is_refused(shop: Shop) -> None:
    shop.blobs.drop("models", f"pulse/{shop.folder}/train.py", b"print('steal')")
    with pytest.raises(InputAltered, match=f"models/pulse/{shop.folder}/ was altered"):
        shop.materialise()


def test_a_folder_that_nobody_published_is_said_with_the_command(shop: Shop) -> None:
    with pytest.raises(InputMissing, match="Next: baton publish models/pulse"):
        shop.materialise(champion_folder="folder:0123456789abcdef")


def test_a_blob_whose_name_leaves_the_folder_writes_nothing_outside(shop: Shop) -> None:
    shop.blobs.drop("models", f"pulse/{shop.folder}/../../escaped.py", b"")
    with pytest.raises(InputAltered, match="leaves its folder"):
        shop.materialise()
    assert not list(shop.runs.rglob("escaped.py"))


@pytest.mark.parametrize("value", ["", "dataset", "dataset:", "https://example.org/data.csv"])
def test_an_input_of_no_known_kind_is_refused_with_the_kinds(shop: Shop, value: str) -> None:
    with pytest.raises(InputMissing, match="begin it with one of dataset, values, run, version, folder"):
        shop.materialise(data=value)


def test_materialising_again_leaves_what_is_there(shop: Shop) -> None:
    name = shop.dataset()
    shop.materialise(data=f"dataset:{name}")
    shop.blobs.drop("datasets", BLOB, b"altered since")
    shop.materialise(data=f"dataset:{name}")
    assert (shop.inputs / "data" / "files" / f"{SHA256}.csv").read_bytes() == ROWS
