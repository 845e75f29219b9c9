"""Tests in a browser: with Chromium and the extra `browser`, or where HYBRID_TOK_BROWSER says that they must run.

Elsewhere they are not collected, since a skipped test is a failure in CI's plain run, which has no browser.
"""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

LIBRARIES = ("playwright", "axe_playwright_python")
HERE = shutil.which("chromium") is not None and all(find_spec(name) is not None for name in LIBRARIES)

collect_ignore_glob = [] if HERE or os.environ.get("HYBRID_TOK_BROWSER") else ["test_*.py"]
