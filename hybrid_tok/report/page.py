"""A page as one file: markup, style, script and data together, under a policy that allows nothing else.

The Content-Security-Policy names style and script by their hashes, so that nothing that is in the data could run, and
allows no request at all; sound is played from memory (`blob:`).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hybrid_tok.core.atomic_write import atomic_write

PageKind: TypeAlias = Literal["recording", "results", "corpus"]


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What a page shows.

    Attributes:
        kind: which markup and script draw it.
        title: the name of what it is of.
        data: for the script; anything that JSON holds, without NaN and infinities.
    """

    kind: PageKind
    title: str
    data: Mapping[str, Any]


def write_page(path: str | Path, page: Page) -> int:
    """Write a page, whole or not at all; the same page gives the same bytes.

    Returns:
        The length of the file in bytes.

    Raises:
        OSError: it cannot be written.
    """
    content = render(page).encode()
    with atomic_write(path) as file:
        file.write(content)
    return len(content)


def render(page: Page) -> str:
    """The page as HTML."""
    style = _asset("page.css")
    script = _asset("shared.js") + _asset(f"{page.kind}.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; media-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "title": html.escape(printable_name(page.title)),
        "policy": policy,
        "style": style,
        "body": _asset(f"{page.kind}.html"),
        "version": html.escape(version("hybrid-tok")),
        "data": to_script_json(page.data),
        "script": script,
    }
    return re.sub(
        r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset("page.html")
    )  # one pass: data is not looked at


def to_script_json(data: Mapping[str, Any]) -> str:
    """JSON that can stand inside a `<script>` element whatever text is in it: no tag can begin or end there."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def printable_name(name: str) -> str:
    """A file's name as Unicode: bytes that are none (surrogates) become U+FFFD."""
    return name.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _asset(name: str) -> str:
    return files("hybrid_tok.report").joinpath(name).read_text("utf-8")


def _digest(text: str) -> str:
    """A source of the policy: the hash of an element's text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
