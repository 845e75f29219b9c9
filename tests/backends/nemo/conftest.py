"""Tests of the adapters of NeMo: collected where HYBRID_TOK_NEMO says that NeMo is installed and they must run.

Elsewhere they are not collected, since a skipped test is a failure in CI's plain run, which has no NeMo.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("HYBRID_TOK_NEMO") else ["test_*.py"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The path of a tiny model by its name in `tiny_models.MODELS`, made when first asked for."""
    from backends.nemo.tiny_models import MODELS, without_discriminators, write

    from hybrid_tok.backends.nemo.models import quiet

    with quiet():
        without_discriminators()
    folder = tmp_path_factory.mktemp("nemo")

    def path(name: str) -> str:
        found = folder / f"{name}.nemo"
        return str(found if found.exists() else write(MODELS[name], found))

    return path


@pytest.fixture(autouse=True)
def nothing_of_the_process_changes() -> Iterator[None]:
    """NeMo would take over warnings, seed Python's random numbers, and change the folder while it restores."""
    import torch

    before = warnings.showwarning, random.getstate(), Path.cwd(), torch.random.get_rng_state().tolist()
    yield
    assert (warnings.showwarning, random.getstate(), Path.cwd(), torch.random.get_rng_state().tolist()) == before
