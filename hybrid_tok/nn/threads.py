"""Threads of torch."""

from __future__ import annotations

import sys


def after_fork() -> None:
    """In a forked process: torch computes in one thread, if it was loaded before.

    OpenMP's other threads did not survive the fork, and it would wait for them forever.
    """
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
