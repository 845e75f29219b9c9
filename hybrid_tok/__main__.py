"""The `hybrid-tok` command, also as `python -m hybrid_tok`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; Ctrl-C ends it with one line, also while modules are still being imported."""
    try:
        from hybrid_tok.cli.main import run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("hybrid-tok: stopped; nothing half-written\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
