"""Recordings that end the process that encodes them, in workers on Ray (`worker_process_setup_hook`)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hybrid_tok.corpus import step
from hybrid_tok.corpus.entries import Entry
from hybrid_tok.corpus.rows import Outcome

POISONED, ONCE = "TEST_POISONED_ENTRY", "TEST_UNLUCKY_MARK"
"""Environment: the end of an id that always kills; a file that is made when entry r005 has killed once."""


def install() -> None:
    """Have recordings kill this process."""
    encode_one = step.EncodeStep.encode_one

    def dying(self: step.EncodeStep, entry: Entry) -> Outcome:
        poisoned, mark = os.environ.get(POISONED), os.environ.get(ONCE)
        if poisoned and entry.id.endswith(poisoned):
            os.kill(os.getpid(), signal.SIGKILL)
        if mark and entry.id.endswith("r005") and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return encode_one(self, entry)

    step.EncodeStep.encode_one = dying
