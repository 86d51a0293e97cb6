"""Indexing: from `function_app.py` to the functions that the host serves.

The checks are those of Azure's Python worker (azure_functions_runtime `loader.py` and `functions.py`):
what would take the whole app down there is refused here, before anything starts.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import azure.functions as func

from local.host.converters import GENERIC, accepts_input, accepts_output
from local.host.host_json import AppRefused


class FunctionLoadError(AppRefused):
    """A function's signature and its bindings disagree; in Azure this takes the whole app down."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding: `name` is the parameter (or `$return`), `settings` the library's own dictionary of it."""

    type: str
    name: str
    is_out: bool
    settings: Mapping[str, object]

    def text(self, key: str) -> str:
        """A setting as text; empty if it is missing or null."""
        value = self.settings.get(key)
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class LoadedFunction:
    """A function that can be invoked. `converters` maps each parameter (and `$return`) to its converter's name."""

    name: str
    call: Callable[..., object]
    folder: str
    bindings: tuple[Binding, ...]
    converters: Mapping[str, str]
    wants_context: bool

    @property
    def is_async(self) -> bool:
        """Whether the function runs on the event loop instead of in the thread pool."""
        return inspect.iscoroutinefunction(self.call)

    @property
    def trigger(self) -> Binding:
        """What starts the function."""
        return next(b for b in self.bindings if b.type.lower().endswith("trigger"))

    @property
    def outputs(self) -> tuple[Binding, ...]:
        """Output bindings that are parameters (`func.Out`)."""
        return tuple(b for b in self.bindings if b.is_out and b.name != "$return")

    @property
    def returns(self) -> Binding | None:
        """The binding that takes the return value."""
        return next((b for b in self.bindings if b.name == "$return"), None)


def index_app(app: Path) -> tuple[LoadedFunction, ...]:
    """Import `function_app.py` of the folder and load its functions; call once per process.

    Raises `AppRefused` for whatever keeps Azure's worker from starting: an exception at import, no or
    several apps in the module, a duplicate name, a signature that does not fit its bindings.
    """
    try:
        functions = _only_app(_import(app)).get_functions()
    except AppRefused:
        raise
    except Exception as fault:
        raise AppRefused(
            f"function_app.py of {app} does not load: {type(fault).__name__}: {fault}.",
            next="correct it; `python -c 'import function_app'` in that folder shows the traceback",
        ) from fault
    return tuple(_load(function) for function in functions)


def _import(app: Path) -> object:
    if not (app / "function_app.py").is_file():
        raise AppRefused(f"There is no function_app.py in {app}.", next="give the app's folder with --app")
    sys.path.insert(0, str(app))
    return importlib.import_module("function_app")


def _only_app(module: object) -> func.FunctionApp:
    apps = [
        value for value in vars(module).values() if isinstance(value, func.decorators.function_app.FunctionRegister)
    ]
    if len(apps) != 1:
        raise AppRefused(
            f"function_app.py holds {len(apps)} function apps, exactly one is served.",
            next="define one func.FunctionApp at the top level and register blueprints on it",
        )
    return typing.cast(func.FunctionApp, apps[0])


def _load(function: typing.Any) -> LoadedFunction:
    call, name = function.get_user_function(), function.get_function_name()
    bindings = tuple(_binding(b) for b in function.get_bindings())
    parameters = list(inspect.signature(call).parameters)
    wants_context = "context" in parameters and "context" not in {b.name for b in bindings}
    hints = _hints(name, call)
    if wants_context:
        parameters.remove("context")
        _check_context(name, hints)
    _check_names(name, parameters, bindings)
    return LoadedFunction(
        name=name,
        call=call,
        folder=str(Path(inspect.getfile(call)).parent),
        bindings=bindings,
        converters={b.name: _converter(name, b, hints) for b in bindings},
        wants_context=wants_context,
    )


def _binding(binding: typing.Any) -> Binding:
    is_out = binding.direction == func.decorators.core.BindingDirection.OUT.value
    return Binding(binding.type, binding.name, is_out, dict(binding.get_dict_repr()))


def _hints(name: str, call: Callable[..., object]) -> dict[str, object]:
    try:
        return typing.get_type_hints(call)
    except Exception as fault:
        raise AppRefused(
            f"The annotations of function {name} cannot be read: {type(fault).__name__}: {fault}.",
            next="name only types that can be imported where the function is defined",
        ) from fault


def _check_context(name: str, hints: Mapping[str, object]) -> None:
    hint = hints.get("context", func.Context)
    if not isinstance(hint, type) or hint.__name__ != "Context":
        raise _refusal(name, f'the "context" parameter is expected to be of type azure.functions.Context, got {hint!r}')


def _check_names(name: str, parameters: list[str], bindings: tuple[Binding, ...]) -> None:
    bound = {b.name for b in bindings if b.name != "$return"}
    if unbound := set(parameters) - bound:
        raise _refusal(name, f"the following parameters are declared in Python but not as bindings: {sorted(unbound)}")
    if missing := bound - set(parameters):
        raise _refusal(name, f"the following bindings are declared but are not parameters in Python: {sorted(missing)}")
    if any(b.name == "$return" and not b.is_out for b in bindings):
        raise _refusal(name, '"$return" binding must have direction set to "out"')


def _converter(name: str, binding: Binding, hints: Mapping[str, object]) -> str:
    """The converter that serves a parameter: the binding's own, or the generic one for plain text and bytes."""
    hint = hints.get("return" if binding.name == "$return" else binding.name)
    if hint is None:
        return binding.type
    plain = _plain_type(name, binding, hint)
    converter = GENERIC if plain in (str, bytes) and binding.name != "$return" else binding.type
    accepts = accepts_output if binding.is_out else accepts_input
    if not accepts(converter, plain):
        raise _refusal(name, f"type of {binding.name} binding {binding.type!r} does not match its annotation {plain!r}")
    return converter


def _plain_type(name: str, binding: Binding, hint: object) -> object:
    is_out_hint = typing.get_origin(hint) is func.Out
    if binding.name != "$return" and is_out_hint != binding.is_out:
        direction = "out" if binding.is_out else "in"
        raise _refusal(name, f'binding {binding.name} has direction "{direction}", but its annotation is {hint!r}')
    if binding.name == "$return" and (is_out_hint or not isinstance(hint, type)):
        raise _refusal(name, f"has invalid return annotation {hint!r}")
    return typing.get_args(hint)[0] if is_out_hint else hint


def _refusal(name: str, why: str) -> FunctionLoadError:
    return FunctionLoadError(
        f"cannot load the {name} function: {why}.",
        next="make the parameter names and annotations those of the decorators; in Azure the whole app would be down",
    )
