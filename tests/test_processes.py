"""A tokenizer in forked and spawned processes, in threads, copied and pickled: the same ids everywhere."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hybrid_tok import HybridTokenizer
from hybrid_tok.core.per_process import PerProcess
from real_audio import recording

CLIPS = ("ljspeech/LJ001-0014", "librispeech/1688-142285-0003", "aishell1/BAC009S0150W0001")


@pytest.fixture(scope="module")
def used() -> Iterator[HybridTokenizer]:
    """A tokenizer whose backends run: Whisper's threads, torch's, onnxruntime's and espeak-ng's process."""
    with HybridTokenizer.from_preset(synthesizer="espeak") as tokenizer:
        tokenizer.decode(tokenizer.encode(clip(0)))
        yield tokenizer


@pytest.fixture(scope="module")
def ids(used: HybridTokenizer) -> list[list[int]]:
    return [used.encode(clip(index)) for index in range(2)]


def clip(index: int) -> Path:
    return recording(f"dev/{CLIPS[index]}.flac")


def encode(tokenizer: HybridTokenizer, index: int) -> list[int]:
    return tokenizer.encode(clip(index))


def encode_and_decode(tokenizer: HybridTokenizer, index: int) -> tuple[list[int], bytes]:
    ids = tokenizer.encode(clip(index))
    return ids, tokenizer.decode(ids).samples.tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_give_the_same_ids(method: str, used: HybridTokenizer, ids: list[list[int]]) -> None:
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        found = pool.starmap_async(encode_and_decode, [(used, 0), (used, 1)]).get(timeout=240)
    assert [one for one, _ in found] == ids
    assert found[0][1] == used.decode(ids[0]).samples.tobytes(), "the parent's backends still work, and agree"


def test_a_fork_that_uses_what_it_inherited_makes_its_own(used: HybridTokenizer, ids: list[list[int]]) -> None:
    """Not pickled, as a pool would: the very object of the parent."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, pickle.dumps(encode_and_decode(used, 0)[0]))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert pickle.loads(answer.read()) == ids[0]
    assert os.waitpid(child, 0)[1] == 0
    assert used.decode(ids[0]).num_samples > 0, "the child has not ended the parent's worker"


def test_threads_give_the_same_ids(used: HybridTokenizer, ids: list[list[int]]) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: encode_and_decode(used, number % 2), range(8)))
    assert [one for one, _ in found] == ids * 4
    assert len({audio for one, audio in found if one == ids[0]}) == 1


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_load_their_backends_again(copied: object, used: HybridTokenizer, ids: list[list[int]]) -> None:
    other = copied(used)  # type: ignore[operator]
    assert (other.preset, other.options) == (used.preset, used.options)
    with other:
        assert other.encode(clip(0)) == ids[0]


def test_what_was_given_goes_along_and_the_rest_is_made_once_per_process() -> None:
    objects = PerProcess({"given": 1})
    assert objects.get("given", lambda: 2) == 1
    first = objects.get("made", object)
    assert objects.get("made", object) is first
    objects._owner = -1  # as if this process had been forked from another
    assert objects.get("given", lambda: 2) == 1
    assert objects.get("made", object) is not first
