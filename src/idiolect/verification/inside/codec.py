"""Python values as JSON: plain data by value, everything else by reference.

Decoding builds values of built-in and a few standard types and runs no code of the sender.
A subclass of a plain type arrives as the plain type: what it overrides stays behind.
"""

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any, cast

# Nothing that is slow to import (fractions, decimal, datetime) is imported before a value
# needs it: these files start once for every program.

__all__ = ["Undecodable", "decode", "encode"]

Keep = Callable[[object], dict[str, Any]]
Lookup = Callable[[dict[str, Any]], Any]

_LARGE_BITS = 4096
"""Integers beyond this travel as hex, which is read in linear time."""

_SEQUENCES: dict[type, str] = {list: "l", tuple: "t", set: "s", frozenset: "z", deque: "q"}
_BUILDERS: dict[str, Callable[[list[Any]], Any]] = {
    "l": list,
    "t": tuple,
    "s": set,
    "z": frozenset,
    "q": deque,
}
_MAPPINGS: dict[type, str] = {Counter: "C", OrderedDict: "O", defaultdict: "d", dict: "d"}
_TYPES = {t.__name__: t for t in (int, float, str, bool, list, tuple, dict, set, bytes, complex)}


class Undecodable(Exception):
    """A message that no encoder of ours would write."""


def encode(value: Any, keep: Keep) -> Any:
    """Return the JSON form of a value. `keep` gives the form of what does not travel."""
    if value is None or isinstance(value, bool | str):
        return value if value is None or isinstance(value, bool) else str(value)
    if isinstance(value, int):
        number = int(value)
        return number if number.bit_length() <= _LARGE_BITS else {"x": hex(number)}
    if isinstance(value, float):
        return float(value)
    for kind, tag in _SEQUENCES.items():
        if isinstance(value, kind):
            return {tag: [encode(item, keep) for item in value]}
    for kind, tag in _MAPPINGS.items():
        if isinstance(value, kind):
            return {tag: [[encode(k, keep), encode(v, keep)] for k, v in value.items()]}
    return _encode_rare(value, keep)


def _encode_rare(value: Any, keep: Keep) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"b" if isinstance(value, bytes) else "B": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    if isinstance(value, range):
        return {"r": [value.start, value.stop, value.step]}
    if type(value) in _SET_LIKE:
        return {"s": [encode(item, keep) for item in value]}
    if isinstance(value, type) and _TYPES.get(value.__name__) is value:
        return {"y": value.__name__}
    for tag, (module, name, parts) in _IMPORTED.items():
        # A value of a type exists only after its module was imported.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and type(value) is kind:
            return {tag: parts(value)}
    return keep(value)


def decode(data: Any, lookup: Lookup) -> Any:
    """Return the value of a JSON form. `lookup` resolves references.

    Raises:
        Undecodable: the form is none that `encode` writes.
    """
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if not isinstance(data, dict):
        raise Undecodable("a bare list")
    form = cast("dict[str, Any]", data)
    if len(form) != 1:
        return lookup(form)
    [(tag, body)] = form.items()
    try:
        if tag in _BUILDERS:
            return _BUILDERS[tag]([decode(item, lookup) for item in body])
        if tag in "CdO":
            pairs = [(decode(k, lookup), decode(v, lookup)) for k, v in body]
            mapping = dict(pairs)
            if tag == "C":
                return Counter(mapping)
            return OrderedDict(pairs) if tag == "O" else mapping
        if tag in _IMPORTED:
            return _build(tag, body)
        rare = _RARE.get(tag)
        return rare(body) if rare else lookup(form)
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise Undecodable(str(error)) from error


def _build(tag: str, body: Any) -> Any:
    """Build a value of a type that is imported only when it is needed."""
    module, name, _ = _IMPORTED[tag]
    kind = getattr(__import__(module), name)
    if tag == "F":
        return kind(int(body[0], 16), int(body[1], 16))
    if tag == "W":
        return kind(days=body[0], seconds=body[1], microseconds=body[2])
    return kind(body) if tag == "D" else kind.fromisoformat(body)


_EMPTY: dict[str, str] = {}
_SET_LIKE: tuple[type, ...] = (type(_EMPTY.keys()), type(_EMPTY.items()))
"""Views of a dict that compare like sets."""

_IMPORTED: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "F": ("fractions", "Fraction", lambda v: [hex(v.numerator), hex(v.denominator)]),
    "D": ("decimal", "Decimal", str),
    "T": ("datetime", "datetime", lambda v: v.isoformat()),
    "Y": ("datetime", "date", lambda v: v.isoformat()),
    "W": ("datetime", "timedelta", lambda v: [v.days, v.seconds, v.microseconds]),
}
_RARE: dict[str, Callable[[Any], Any]] = {
    "x": lambda body: int(body, 16),
    "b": bytes.fromhex,
    "B": bytearray.fromhex,
    "c": lambda body: complex(*body),
    "r": lambda body: range(*body),
    "y": lambda body: _TYPES[body],
}
