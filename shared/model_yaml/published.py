"""The rules of published folders, each read once."""

from __future__ import annotations

import functools
from collections.abc import Callable

from shared.model_yaml.spec_file import load_spec
from shared.spec import Spec
from shared.storage.port import Blobs

RULES_KEPT = 256


def published_rules(blobs: Blobs) -> Callable[[str, str], Spec]:
    """The spec of a published folder, by model and hash. A folder never changes, so it is read once."""

    @functools.lru_cache(maxsize=RULES_KEPT)
    def rules(model: str, folder: str) -> Spec:
        return _parsed(blobs.read("models", f"{model}/{folder}/model.yaml").decode(), model)

    return rules


@functools.lru_cache(maxsize=RULES_KEPT)
def _parsed(text: str, model: str) -> Spec:
    return load_spec(text, file=f"models/{model}/model.yaml")
