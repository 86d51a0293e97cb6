"""zizmor, actionlint and the schemas find nothing in the pipelines, and each finds its broken input."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.workflows.__main__ import TOOLS, faults, pipelines, workflows


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pipelines alone, to be broken."""
    for path in (*workflows(), *pipelines()):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def test_nothing_is_found_in_the_pipelines() -> None:
    assert {"main.yml", "azure-pipelines.yml"} <= {path.name for path in (*workflows(), *pipelines())}
    assert faults() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "by"),
    [
        (
            ".github/workflows/main.yml",
            "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
            "actions/checkout@v7",
            "zizmor",
        ),
        (".github/workflows/main.yml", "with:\n          persist-credentials: false", "# no with", "zizmor"),
        (".github/workflows/nightly.yml", "permissions:\n      contents: read\n", "permissions: write-all\n", "zizmor"),
        (".github/workflows/deploy.yml", '"$SHA256"', "${{ inputs.sha256 }}", "zizmor"),
        (".github/workflows/main.yml", "needs.package.outputs.sha256", "needs.packages.outputs.sha256", "actionlint"),
        (".github/workflows/deploy.yml", "inputs.environment }}", "inputs.enviroment }}", "actionlint"),
        (".github/workflows/main.yml", "needs: [package, dev]", "needs: [package, dve]", "actionlint"),
        (".github/workflows/nightly.yml", "timeout-minutes: 350", "timeout-minuts: 350", "schemas"),
        ("azure-pipelines.yml", "- stage: checks", "- stag: checks", "schemas"),
    ],
)
def test_what_is_broken_is_found(copy: Path, file: str, old: str, new: str, by: str) -> None:
    source = (copy / file).read_text()
    assert old in source
    (copy / file).write_text(source.replace(old, new))
    assert {one.split(":")[0] for one in TOOLS[by](copy)} == {by}
