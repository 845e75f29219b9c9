"""States as bytes, and what becomes of bytes that are none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hybrid_tok.core.state import pack_state, unpack_state
from hybrid_tok.core.timeline import Span
from hybrid_tok.errors import StateError


@dataclass(frozen=True, slots=True)
class Inner:
    span: Span
    kind: Literal["a", "b"]


@dataclass(slots=True)
class Outer:
    number: float = 0.5
    count: int | None = None
    flag: bool = False
    samples: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    inner: list[Inner] = field(default_factory=list)
    pair: tuple[int, str] = (1, "x")
    many: tuple[int, ...] = ()
    named: dict[int, Inner] = field(default_factory=dict)
    raw: bytes | None = None


INNER = st.builds(
    Inner,
    st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda p: Span(p[0], sum(p))),
    st.sampled_from(["a", "b"]),
)
OUTER = st.builds(
    Outer,
    number=st.floats(allow_nan=False),
    count=st.none() | st.integers(),
    flag=st.booleans(),
    samples=st.lists(st.floats(-1, 1, width=32)).map(lambda one: np.array(one, np.float32)),
    inner=st.lists(INNER),
    pair=st.tuples(st.integers(), st.text()),
    many=st.lists(st.integers()).map(tuple),
    named=st.dictionaries(st.integers(), INNER),
    raw=st.none() | st.binary(min_size=1),
)


@given(OUTER)
def test_what_is_packed_comes_back(state: Outer) -> None:
    back = unpack_state(Outer, "test", "f", pack_state("test", "f", state))
    np.testing.assert_array_equal(back.samples, state.samples)
    assert back.samples.dtype == np.float32
    back.samples = state.samples
    assert back == state


def test_states_of_something_else_are_refused() -> None:
    data = pack_state("test", "f", Outer())
    for kind, fingerprint, said in (("other", "f", "not of a other"), ("test", "g", "another test")):
        with pytest.raises(StateError, match=said):
            unpack_state(Outer, kind, fingerprint, data)
    with pytest.raises(StateError, match="version"):
        unpack_state(Outer, "test", "f", data.replace(b'"version":"1"', b'"version":"9"'))
    with pytest.raises(StateError, match="damaged"):
        unpack_state(Inner, "test", "f", data)


@given(st.data())
def test_bytes_that_are_damaged_never_do_anything_else(data: st.DataObject) -> None:
    packed = bytearray(pack_state("test", "f", Outer(samples=np.ones(3, np.float32), raw=b"abc")))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(unpack_state(Outer, "test", "f", bytes(packed)), Outer)
    except StateError as error:
        assert "\n" not in str(error)


def test_what_no_state_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot hold a object"):
        pack_state("test", "f", Outer(inner=[object()]))  # pyright: ignore[reportArgumentType]
