"""JSON of other programs: values that know their place, for error messages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hybrid_tok.errors import AnnotationError
from hybrid_tok.formats.source import Source, quoted

MAX_CONTAINERS = 1 << 20
"""Maximum number of objects and arrays in a file: a day of words with their characters has fewer. Checked before
parsing, since each takes a hundred times the memory that it takes in the file."""

_LEXEME = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)
_VALUE = re.compile(r"\S")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


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
        """A member of an object; None if it is missing or null, or this is not an object."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return None if value is None else Node(value, f"{self.where}.{name}")

    def first(self, *names: str) -> Node | None:
        """The first existing member of several."""
        return next((node for name in names if (node := self.get(name)) is not None), None)

    def need(self, *names: str) -> Node:
        """As `first`; an error if there is none."""
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
        AnnotationError: it is not JSON, too deep, or too large.
    """
    if source.text.count("{") + source.text.count("[") > MAX_CONTAINERS:
        raise AnnotationError(f"{source.path}: more than {MAX_CONTAINERS} objects; give one recording's annotations")
    try:
        return [Node(json.loads(source.text), f"{source.path}, $")]
    except json.JSONDecodeError as error:
        if error.msg != "Extra data" or "\n" not in source.text[: error.pos]:
            raise AnnotationError(f"{source.at(error.lineno)}: not JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"{source.path}: not JSON ({_reason(error)})") from None
    nodes: list[Node] = []
    for number, line in source.lines():
        if line.strip():
            try:
                nodes.append(Node(json.loads(line), f"{source.at(number)}, $"))
            except (ValueError, RecursionError) as error:
                raise AnnotationError(f"{source.at(number)}: not JSON ({_reason(error)})") from None
    return nodes


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return error.msg if isinstance(error, json.JSONDecodeError) else "a number of too many digits"


@contextmanager
def with_lines(source: Source) -> Iterator[None]:
    """Adds the line number to errors about values in a JSON file. It is computed only for an error."""
    try:
        yield
    except AnnotationError as error:
        raise AnnotationError(with_line(source, str(error))) from None


def with_line(source: Source, message: str) -> str:
    """A message that begins with the place of a value, with its line number."""
    before = f"{source.path}, "
    if not source.is_json or not message.startswith(f"{before}$"):
        return message
    place = message[len(before) :]
    path = re.split(r"[:,\s]", place, maxsplit=1)[0]
    return f"{before}line {source.line_of(_position(source.text, path))}, {place}"


def _position(text: str, path: str) -> int:
    """Where in a JSON text the value at a path such as $.segments[3].start begins."""
    wanted = [int(index) if index else name for name, index in _STEP.findall(path)]
    steps: list[int | str] = []  # to the value that is read
    string = ""
    for lexeme in _LEXEME.finditer(text):
        sign = lexeme[0]
        if sign == "[":
            steps.append(0)
        elif sign == "{":
            steps.append("")
        elif sign in ("]", "}"):
            steps[-1:] = []
        elif sign == "," and steps and isinstance(steps[-1], int):
            steps[-1] += 1
        elif sign == ":" and steps:
            steps[-1] = string
        else:
            string = sign[1:-1]
        if sign in ("[", ",", ":") and steps == wanted:
            value = _VALUE.search(text, lexeme.end())
            return value.start() if value else lexeme.end()
    return 0
