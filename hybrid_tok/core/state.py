"""States of streams as bytes: dataclasses of plain values and arrays, safe to load.

A state is written as safetensors (https://github.com/huggingface/safetensors): its arrays, and the rest as JSON in the
header. Loading makes nothing but the dataclasses that are expected, with values of the types that they declare.
"""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from hybrid_tok.errors import StateError

VERSION = "1"

_T = TypeVar("_T")


def pack_state(kind: str, fingerprint: str, state: Any) -> bytes:
    """A state as bytes.

    Args:
        kind: whose it is, for messages ("stream encoder").
        fingerprint: of what may go on with it.
        state: a dataclass whose fields are plain values, arrays, bytes, or lists, tuples, dictionaries and dataclasses
            of such.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {}
    tree = json.dumps(_plain(state, arrays))
    return save(arrays, {"kind": kind, "version": VERSION, "fingerprint": fingerprint, "state": tree})


def unpack_state(cls: type[_T], kind: str, fingerprint: str, data: bytes) -> _T:
    """The state that `pack_state` wrote.

    Raises:
        StateError: it is damaged, of another version, of something else, or for something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        header: dict[str, Any] = json.loads(data[8 : 8 + size])["__metadata__"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"the state of a {kind} is damaged: {str(error).splitlines()[0]:.80}") from None
    if header.get("kind") != kind:
        raise StateError(f"this is the state of a {header.get('kind', 'nothing known')!s:.40}, not of a {kind}")
    if header.get("version") != VERSION:
        raise StateError(f"the state is of version {header.get('version')!s:.20}; this is version {VERSION}")
    if header.get("fingerprint") != fingerprint:
        raise StateError(
            f"the state is of another {kind}: its backends or options are not those here "
            f"({header.get('fingerprint')!s:.40}, not {fingerprint:.40})"
        )
    try:
        return _typed(cls, json.loads(header["state"]), arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"the state of a {kind} is damaged: {str(error).splitlines()[0]:.80}") from None


def _plain(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A value as JSON holds it; arrays and bytes go into `arrays`, under their number."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in fields(value)}
    if isinstance(value, bytes):
        value = np.frombuffer(value, np.uint8)
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value)
        return name
    if isinstance(value, dict):
        return [[_plain(key, arrays), _plain(one, arrays)] for key, one in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, arrays) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a state cannot hold a {type(value).__name__}")


def _typed(kind: Any, value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A value of a type, as `_plain` wrote it."""
    origin, parts = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{field.name: _typed(hints[field.name], value[field.name], arrays) for field in fields(kind)})
    if origin is np.ndarray:
        return arrays[value].copy()
    if kind is bytes:
        return arrays[value].tobytes()
    if origin in (Union, types.UnionType):
        return _any_of(parts, value, arrays)
    if origin is Literal:
        return _checked(value in parts, value)
    if origin is dict:
        return {_typed(parts[0], key, arrays): _typed(parts[1], one, arrays) for key, one in _sequence(value)}
    if origin is tuple and parts[-1:] != (Ellipsis,):
        given = _sequence(value)
        return _checked(
            len(given) == len(parts), tuple(_typed(part, one, arrays) for part, one in zip(parts, given, strict=False))
        )
    if origin in (list, tuple, set, frozenset):
        return origin(_typed(parts[0], one, arrays) for one in _sequence(value))
    if kind is float:
        return float(_checked(type(value) in (int, float), value))
    return _checked(kind is Any or type(value) is kind, value)


def _any_of(kinds: Sequence[Any], value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A value of the first type that it fits."""
    if value is None:
        return _checked(type(None) in kinds, None)
    errors: list[str] = []
    for kind in kinds:
        if kind is not type(None):
            try:
                return _typed(kind, value, arrays)
            except (ValueError, KeyError, TypeError) as error:
                errors.append(str(error))
    raise ValueError(errors[0])


def _sequence(value: Any) -> list[Any]:
    return _checked(isinstance(value, list), value)


def _checked(right: bool, value: Any) -> Any:
    if not right:
        raise ValueError(f"{value!r:.40} is out of place")
    return value
