"""The azure-functions library's converters between what the host sends and what a function sees.

A `Datum` is the host's value with its wire type: `json`, `string`, `bytes` or `http`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum

GENERIC = "generic"
_REGISTRY: Any = func.get_binding_registry()


class _Generic:
    """Plain text and bytes, as the worker's own `GenericBinding` passes them through."""

    @staticmethod
    def check_input_type_annotation(kind: type) -> bool:
        return issubclass(kind, (str, bytes))

    @staticmethod
    def check_output_type_annotation(kind: type) -> bool:
        return issubclass(kind, (str, bytes, bytearray))

    @staticmethod
    def decode(data: Datum, *, trigger_metadata: Mapping[str, Datum]) -> object:
        return data.value

    @staticmethod
    def encode(value: object, *, expected_type: type | None) -> Datum:
        if isinstance(value, str):
            return Datum(value, "string")
        if isinstance(value, (bytes, bytearray)):
            return Datum(bytes(value), "bytes")
        if isinstance(value, (dict, list)):
            return Datum(json.dumps(value), "json")
        raise NotImplementedError


def is_known(binding_type: str) -> bool:
    """Whether the library has a converter for the binding type."""
    return _REGISTRY.get(binding_type) is not None


def accepts_input(converter: str, hint: object) -> bool:
    """Whether a parameter annotated so can take what the trigger or input gives."""
    check: Any = _of(converter).check_input_type_annotation
    return bool(isinstance(hint, type) and check(hint))


def accepts_output(converter: str, hint: object) -> bool:
    """Whether a value annotated so can go to the output."""
    return bool(_of(converter).check_output_type_annotation(hint))


def decode(converter: str, data: Datum, metadata: Mapping[str, Datum]) -> object:
    """What the function sees. Raises whatever the converter raises; an unsupported wire type is a TypeError."""
    try:
        return _of(converter).decode(data, trigger_metadata=metadata)
    except NotImplementedError:
        raise TypeError(
            f"unable to decode incoming TypedData: unsupported combination of TypedData field {data.type!r} "
            f"and expected binding type {_of(converter)}"
        ) from None


def encode(converter: str, value: object) -> Datum:
    """What the host receives for a returned or set value; an unsupported value is a TypeError."""
    try:
        datum = _of(converter).encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{converter}" for '
            f'Python type "{type(value).__name__}"'
        ) from None
    return datum if isinstance(datum, Datum) else Datum(None, None)


def _of(converter: str) -> Any:
    return _Generic if converter == GENERIC else (_REGISTRY.get(converter) or _Generic)
