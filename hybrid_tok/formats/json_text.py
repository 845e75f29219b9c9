"""JSON that others wrote: values that know where they stand, so that what is wrong can be said with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.source import Source, quoted

MAX_CONTAINERS = 1 << 20
"""Objects and arrays in a file: a day of words with their characters has fewer. Checked before parsing, since each
takes a hundred times the memory that it takes in the file."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a JSON file.

    Attributes:
        value: as `json` gives it.
        where: its place, for messages: "talk.json, $.segments[3].start".
    """

    value: Any
    where: str

    def get(self, name: str) -> Node | None:
        """A member of an object; None where it is missing or null, or this is no object."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return None if value is None else Node(value, f"{self.where}.{name}")

    def first(self, *names: str) -> Node | None:
        """The first of some members that is there."""
        return next((node for name in names if (node := self.get(name)) is not None), None)

    def need(self, *names: str) -> Node:
        """That, which must be there."""
        node = self.first(*names)
        if node is None:
            raise AnnotationError(f"{self.where}: has no {' or '.join(map(repr, names))}")
        return node

    def items(self) -> Iterator[Node]:
        """The elements of an array."""
        if not isinstance(self.value, list):
            raise AnnotationError(f"{self.where}: must be an array, not {self._kind}")
        return (Node(value, f"{self.where}[{index}]") for index, value in enumerate(self.value))

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise AnnotationError(f"{self.where}: must be a number, not {self._kind}")
        if isinstance(self.value, int) and abs(self.value) >= 1 << 53:
            raise AnnotationError(f"{self.where}: a number too large for a time")
        if not math.isfinite(self.value):
            raise AnnotationError(f"{self.where}: must be a number, not {self.value}")
        return float(self.value)

    def whole(self) -> int:
        """A whole number that is not negative."""
        value = self.number()
        if not value.is_integer() or value < 0:
            raise AnnotationError(f"{self.where}: must be a whole number, not {value:g}")
        return int(value)

    def text(self) -> str:
        """A string of Unicode characters."""
        if not isinstance(self.value, str):
            raise AnnotationError(f"{self.where}: must be a string, not {self._kind}")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            raise AnnotationError(f"{self.where}: {quoted(self.value)} is not UTF-8; save the file as UTF-8") from None
        return self.value

    @property
    def is_array(self) -> bool:
        return isinstance(self.value, list)

    @property
    def is_object(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def _kind(self) -> str:
        kinds = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
        return kinds.get(type(self.value), "a number")


def parse(source: Source) -> list[Node]:
    """The values of a JSON file: one, or one per line (JSON Lines, as NeMo's manifests are).

    Raises:
        AnnotationError: it is no JSON, too deep, or too large.
    """
    if source.text.count("{") + source.text.count("[") > MAX_CONTAINERS:
        raise AnnotationError(f"{source.path}: more than {MAX_CONTAINERS} objects; give one recording's annotations")
    try:
        return [Node(_loads(source.text), f"{source.path}, $")]
    except json.JSONDecodeError as error:
        if error.msg != "Extra data" or "\n" not in source.text[: error.pos]:
            raise _bad(source, error.lineno, error.msg) from None
    except (ValueError, RecursionError) as error:
        raise _bad(source, None, str(error)) from None
    nodes: list[Node] = []
    for number, line in source.lines():
        if line.strip():
            try:
                nodes.append(Node(_loads(line), f"{source.at(number)}, $"))
            except json.JSONDecodeError as error:
                raise _bad(source, number, error.msg) from None
            except (ValueError, RecursionError) as error:
                raise _bad(source, number, str(error)) from None
    return nodes


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_whole_number)


def _whole_number(digits: str) -> int:
    """Turning digits into a number takes time by the square of their number."""
    if len(digits) > 20:
        raise ValueError(f"a whole number of {len(digits)} digits")
    return int(digits)


def _bad(source: Source, line: int | None, message: str) -> AnnotationError:
    where = source.path if line is None else source.at(line)
    return AnnotationError(f"{where}: not JSON ({message.splitlines()[0] if message else 'damaged'})")
