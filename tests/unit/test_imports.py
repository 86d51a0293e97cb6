"""What may be imported where: a light start, thin triggers, and decisions that ask nobody for the time.

The import rules between packages are contracts of import-linter in pyproject.toml; here is what it cannot see.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Of the checks of certificates too, which load only in the runs that measure.
HEAVY = (
    "azureml",
    "azure.ai.ml",
    "azure.identity",
    "opentelemetry",
    "mlflow",
    "pyarrow",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "pydantic",
    "onnx",
    "onnxruntime",
    "skl2onnx",
    "art",
    "fairlearn",
)
PURE = sorted(
    [ROOT / f"shared/{name}.py" for name in ("release", "gates", "policy", "folding/turn")]
    + [ROOT / f"shared/certificates/{name}.py" for name in ("certificate", "declared_checks")]
    + [path for package in ("moves", "gating", "retraining") for path in (ROOT / "shared" / package).glob("*.py")]
)
ASKING_METHODS = {"now", "utcnow", "today", "getenv", "monotonic", "perf_counter", "uuid4", "read_text", "write_text"}
ASKING_BUILTINS = {"open", "print", "input", "__import__"}
CLOCK = "from datetime import UTC, datetime\n\ndef decide() -> datetime:\n    return datetime.now(UTC)\n"


def questions(source: str) -> Iterator[str]:
    """Calls in this source that ask the clock, the environment, chance or a file."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in ASKING_METHODS:
                yield f"line {node.lineno}: {name}()"
            case ast.Call(func=ast.Name(id=name)) if name in ASKING_BUILTINS:
                yield f"line {node.lineno}: {name}()"


def imported(source: str) -> set[str]:
    """Every module that this source names in an import, wherever the import stands."""
    nodes = list(ast.walk(ast.parse(source)))
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return direct | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def sdks(source: str) -> set[str]:
    """The parts of Azure's SDKs that this source imports, azure.functions apart."""
    return {name for name in imported(source) if name.split(".")[0] == "azure" and name != "azure.functions"}


def heavy_after(statement: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after this statement."""
    code = f"{statement}; import sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return fresh.stdout.split()


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_a_decision_asks_no_clock_and_no_environment(path: Path) -> None:
    assert list(questions(path.read_text())) == []


def test_a_decision_that_asks_the_clock_is_found() -> None:
    assert list(questions(CLOCK)) == ["line 4: now()"]


@pytest.mark.parametrize("path", sorted((ROOT / "functions").glob("*.py")), ids=lambda path: path.stem)
def test_a_trigger_imports_no_sdk_but_azure_functions(path: Path) -> None:
    assert sdks(path.read_text()) == set()


def test_a_trigger_that_imports_an_sdk_is_found() -> None:
    assert sdks("def on():\n    from azure.storage.blob import BlobClient\n") == {"azure.storage.blob"}


def test_the_app_starts_without_anything_heavy() -> None:
    assert heavy_after("import function_app") == []


def test_an_app_that_imports_something_heavy_is_found() -> None:
    assert heavy_after("import function_app, pydantic") == ["pydantic"]


def test_a_platforms_sdk_is_loaded_by_its_first_call_only() -> None:
    of_sdks = [
        path.stem for kind in ("azureml", "databricks") for path in (ROOT / "shared/platforms").glob(f"{kind}*.py")
    ]
    adapters = sorted(of_sdks)
    assert {"azureml", "azureml_v2", "databricks"} <= set(adapters)
    assert heavy_after(f"import {', '.join(f'shared.platforms.{name}' for name in adapters)}") == []


def test_only_its_adapters_know_a_platforms_sdk() -> None:
    """Azure ML's SDK v1 is azureml, its SDK v2 azure.ai.ml; no file knows two."""
    of_file = {
        path.relative_to(ROOT / "shared").as_posix(): {
            sdk
            for sdk in ("azureml", "azure.ai.ml", "databricks")
            if any(f"{n}.".startswith(f"{sdk}.") for n in imported(path.read_text()))
        }
        for path in (ROOT / "shared").rglob("*.py")
    }
    knowing = {name: sdks for name, sdks in of_file.items() if sdks}
    outside = [name for name in knowing if not name.startswith(("platforms/azureml", "platforms/databricks"))]
    assert sorted(outside) == ["runs/on_azureml.py", "runs/on_databricks.py"]
    assert [name for name, sdks in knowing.items() if ("azureml_v2" in name) != (sdks == {"azure.ai.ml"})] == []
    assert [name for name, sdks in knowing.items() if ("databricks" in name) != (sdks == {"databricks"})] == []
