"""A page is one file that asks for nothing, and text in it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hybrid_tok.report import Page, render, results_page, write_page
from hybrid_tok.report.corpus import corpus_page
from hybrid_tok.report.page import to_script_json
from report_pages import HOSTILE, corpus_report, spoken_page, write_results


class Elements(HTMLParser):
    """Elements of a page in order, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = f"{tag} {dict(attrs).get('type', '')}".strip()

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open, data))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def text_of(self, element: str) -> str:
        return "".join(text for name, text in self.texts if name == element)


@pytest.fixture(scope="module", params=["recording", "results", "corpus"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Page:
    if request.param == "recording":
        return spoken_page()
    if request.param == "corpus":
        return corpus_page(corpus_report(), f"{HOSTILE}/shards")
    return results_page(write_results(tmp_path_factory.mktemp("results")), f"{HOSTILE}.json")


def test_hostile_text_makes_no_element_and_comes_back_as_it_was(page: Page) -> None:
    shown = render(page)
    found = Elements(shown)
    assert [tag for tag, _ in found.tags].count("script") == 2
    assert not {"img", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in found.tags}
    assert json.loads(found.text_of("script application/json")) == page.data
    assert HOSTILE in json.dumps(page.data, ensure_ascii=False) and HOSTILE not in shown
    assert page.title in found.text_of("h1")


def test_the_policy_allows_the_page_s_own_style_and_script_and_no_request(page: Page) -> None:
    found = Elements(render(page))
    (policy,) = (a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    for rule, element in (("script-src", "script"), ("style-src", "style")):
        digest = base64.b64encode(hashlib.sha256(found.text_of(element).encode()).digest()).decode()
        assert rules.pop(rule) == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "media-src": "blob:", "base-uri": "'none'", "form-action": "'none'"}
    assert not any({"src", "href", "style"} & set(a) or any(n.startswith("on") for n in a) for _, a in found.tags)


def test_scripts_set_text_never_markup_and_reach_for_no_network() -> None:
    for name in ("shared", "recording", "results", "corpus"):
        script = (Path(render.__code__.co_filename).parent / f"{name}.js").read_text("utf-8")
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", script)
        assert not re.findall(r"fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(", script)
        assert re.findall(r"https?://[^\"]*", script) in ([], ["http://www.w3.org/2000/svg"])


def test_json_in_a_script_has_no_tag_and_no_line_separator() -> None:
    text = {"a": "</script> <!-- & \u2028 \u2029 \\u003c é"}
    shown = to_script_json(text)
    assert json.loads(shown) == text
    assert not set("<>&\u2028\u2029") & set(shown) and "é" in shown


def test_placeholders_in_data_stay_what_they_are() -> None:
    shown = render(Page("results", "{{data}}", {"name": "{{script}}"}))
    assert shown.count("{{data}}") == 2 and '{"name":"{{script}}"}' in shown


def test_a_name_that_is_no_unicode_is_written(tmp_path: Path) -> None:
    assert write_page(tmp_path / "a.html", Page("results", "a\udcff.wav", {})) == (tmp_path / "a.html").stat().st_size
    assert "<h1>a?.wav</h1>" in (tmp_path / "a.html").read_text("utf-8")


def test_the_same_page_is_the_same_bytes() -> None:
    assert render(spoken_page()) == render(spoken_page())
