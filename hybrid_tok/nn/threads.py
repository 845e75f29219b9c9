"""Threads of torch in forked processes."""

from __future__ import annotations

import os
from functools import cache


@cache
def compute_in_one_thread_after_forks() -> None:
    """From now on, torch computes in one thread in every forked process.

    OpenMP's other threads do not survive a fork, and it would wait for them forever.
    """
    import torch

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))
