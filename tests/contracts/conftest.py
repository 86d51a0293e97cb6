"""The SDK of Azure ML keeps what it discovered in the home folder; the tests give it one of their own."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def home_of_the_sdk(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Set before anything imports azureml-core, which reads it once."""
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
