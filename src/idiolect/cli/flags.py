"""Groups of flags: what several commands share stands in one place.

A command takes a whole group as one parameter. `grouped` shows typer the fields of the group in
its place, and a flag says itself which key of the configuration it sets.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

__all__ = ["Flags", "Sets", "grouped", "keys_of", "values_of"]


@dataclass(frozen=True, slots=True)
class Sets:
    """Stands beside the `typer.Option` of a flag: the key of the configuration that it sets."""

    key: str
    """Dotted."""

    read: Callable[[Any], Any] | None = None
    """Makes the value of what was typed; None takes it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """A group: each field is a flag, with a default, and its `typer.Option` in the annotation."""


def grouped(command: Callable[..., int]) -> Callable[..., int]:
    """Return the command as typer can read it: the flags of a group, where a group stands.

    Raises:
        ValueError: two groups of the command have a flag of the same name.
    """
    groups: dict[str, type[Flags]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, Flags):
            groups[parameter.name] = kind
            parameters += _parameters(kind)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def called(**values: Any) -> int:
        made = {
            name: group(
                **{field.name: values.pop(field.name) for field in dataclasses.fields(group)}
            )
            for name, group in groups.items()
        }
        return command(**made, **values)

    called.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    return called


def keys_of(group: type[Flags]) -> dict[str, Sets]:
    """Return what the flags of a group set, by the name of the field."""
    hints = get_type_hints(group, include_extras=True)
    found = {name: _sets(hint) for name, hint in hints.items()}
    return {name: sets for name, sets in found.items() if sets is not None}


def values_of(group: Flags) -> Mapping[str, Any]:
    """Return the values of the flags that were given, by the key that they set."""
    values: dict[str, Any] = {}
    for name, sets in keys_of(type(group)).items():
        value = getattr(group, name)
        if value is not None and value is not False:
            values[sets.key] = sets.read(value) if sets.read else value
    return values


def _sets(hint: Any) -> Sets | None:
    beside = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((each for each in beside if isinstance(each, Sets)), None)


def _parameters(group: type[Flags]) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
