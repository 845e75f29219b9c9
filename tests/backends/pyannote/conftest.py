"""Tests with pyannote.audio: where HYBRID_TOK_PYANNOTE says that they must run, in an environment of their own.

Elsewhere they are not collected: the library brings a hundred packages, and its torchaudio must be built for the torch
that is installed.
"""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("HYBRID_TOK_PYANNOTE") else ["test_*.py"]
