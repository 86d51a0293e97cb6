"""A model's rules with another policy in them: the entries of one YAML file laid over those of its model.yaml."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from shared.errors import SpecRefused
from shared.model_yaml.spec_file import load_spec
from shared.spec import Spec

RECOMMENDED = "recommended"
MAY_CHANGE = ("retrain", "schedule", "data")


def of_folder(folder: Path) -> Spec:
    """The rules of a model folder on disk."""
    return load_spec(_text(folder / "model.yaml"), file=f"{folder}/model.yaml")


def with_policy(folder: Path, policy: str) -> Spec:
    """The same with `retrain`, `schedule` and `data.batch` of the policy's file in their place; `SpecRefused` names its faults.

    Each entry that the file has replaces the folder's; of `retrain` the entries that it does not have take their defaults.
    """
    file = Path(__file__).with_name(f"{RECOMMENDED}.yaml") if policy == RECOMMENDED else Path(policy)
    base, over = _root(_text(folder / "model.yaml"), str(folder)), _root(_text(file), file.name)
    for key, value in over.value:
        if key.value not in (*MAY_CHANGE, "v", "name"):
            what = f"{file.name}:{key.start_mark.line + 1}: {key.value} is no part of a retraining policy."
            raise SpecRefused(what, next=f"leave it out; a policy has {', '.join(MAY_CHANGE)}")
        if key.value == "data":
            _set(_of(base, "data"), "batch", _of(value, "batch"))
        elif key.value in MAY_CHANGE:
            _set(base, key.value, value)
    try:
        return load_spec(yaml.serialize(base), file=file.name)
    except SpecRefused as error:
        told = re.sub(rf"(?m)^{re.escape(file.name)}:\d+: ", f"{file.name}: ", error.what)
        raise SpecRefused(told, next="mend these, then simulate again") from error  # its lines are those of both files


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SpecRefused(f"{file} cannot be read: {error.strerror}.", next="name a file that is there") from error


def _root(text: str, name: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise SpecRefused(f"{name} is not YAML: {error}", next="mend it") from error
    if not isinstance(root, yaml.MappingNode):
        raise SpecRefused(f"{name} holds no entries.", next="write `retrain:` and its entries into it")
    return root


def _of(node: yaml.Node, name: str) -> yaml.Node:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    found: list[yaml.Node] = [value for key, value in pairs if key.value == name]
    if not found:
        raise SpecRefused(
            f"there is no entry {name}.", next=f"write `{name}:` with its entries, or leave its parent out"
        )
    return found[-1]


def _set(node: yaml.Node, name: str, value: yaml.Node) -> None:
    """Put an entry in the place of the one of this name, or at the end."""
    assert isinstance(node, yaml.MappingNode)
    entry = (yaml.ScalarNode("tag:yaml.org,2002:str", name), value)
    node.value = [pair for pair in node.value if pair[0].value != name] + [entry]
