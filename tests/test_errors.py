"""Every error of ours is one family, and its message one line."""

from __future__ import annotations

import inspect

import pytest

from hybrid_tok import errors
from hybrid_tok.errors import GrammarError, HybridTokError


def test_one_base_for_all() -> None:
    classes = [made for _, made in inspect.getmembers(errors, inspect.isclass) if made.__module__ == errors.__name__]
    assert len(classes) >= 10
    assert all(issubclass(made, HybridTokError | Warning) for made in classes)
    assert all(made.__doc__ and "\n" not in made.__doc__.splitlines()[0] for made in classes)


def test_a_text_that_is_no_unicode_is_also_a_value_error() -> None:
    assert issubclass(errors.TextError, ValueError)


@pytest.mark.parametrize(
    "allowed, tail", [(("a digit", "text"), "allowed here: a digit, text"), ((), "allowed here: nothing")]
)
def test_a_grammar_error_says_where_what_and_what_was_allowed(allowed: tuple[str, ...], tail: str) -> None:
    error = GrammarError(7, "'<|pad|>' (id 0)", allowed)
    assert (error.position, error.found, error.allowed) == (7, "'<|pad|>' (id 0)", allowed)
    assert str(error) == f"position 7: found '<|pad|>' (id 0), {tail}"
