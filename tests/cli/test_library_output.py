"""What libraries print by themselves: one warning, and nothing of the log of Ray's core."""

from __future__ import annotations

import pytest

from hybrid_tok.cli.library_output import _tell

LOG = "[2026-11-28 04:37:04,780 I 15512 15512] logging.cc:303: Set ray log level\n"


def test_lines_are_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(f"\n{LOG}mpg123: bad frame\n{LOG}mpg123: another\n")
    assert capsys.readouterr().err == "hybrid-tok: warning of a library: mpg123: bad frame (and 1 more lines)\n"


def test_a_log_alone_is_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    _tell(LOG)
    assert capsys.readouterr().err == ""
