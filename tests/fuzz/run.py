"""Fuzz the targets, each in a process of its own: `python tests/fuzz/run.py [TARGET ..] --seconds 12 --seed 1`.

Starts from the committed corpus, which stays as it is; inputs that reach new code go into the folder that --keep names,
from which a later run goes on, or are dropped. An input that is a finding is written, its path printed, and the exit
code is 1. atheris (libFuzzer) counts which lines of hybrid_tok an input reaches, and changes those that reach new ones.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

HERE = Path(__file__).parent
NAMES = ("container", "ids", "annotations", "audio", "script")

SLOWEST = 20
"""Seconds that one input may take: ten times what any of the corpus takes."""

MOST_MEMORY = 2048
"""MB of a process; the libraries alone take 200."""

LONGEST_INPUT = 8_192
"""Bytes."""


_MEMORY = Path("/dev/shm")
"""Where files are made a hundred times faster than on a disk."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(NAMES)}; all by default")
    parser.add_argument("--seconds", type=int, default=12, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for new inputs and findings")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(NAMES):
        parser.error(f"no target is called {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        parser.error('atheris is not installed: pip install "hybrid-tok[fuzz]", on Python 3.11 or later')
    found = [name for name in given.targets or NAMES if not _fuzz(name, given.seconds, given.seed, given.keep)]
    return 1 if found else 0


def _fuzz(name: str, seconds: int, seed: int, keep: Path | None) -> bool:
    """Run one target; whether nothing was found."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        new = (keep or scratch / "new") / name
        new.mkdir(parents=True, exist_ok=True)
        findings = (keep or Path(tempfile.gettempdir())) / f"finding-{name}-"
        files = stack.enter_context(tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None))
        log = scratch / "log.txt"
        command = [sys.executable, "-c", _CHILD.format(tests=str(HERE.parent)), name, files]
        command += [f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={SLOWEST}", f"-max_len={LONGEST_INPUT}"]
        command += [f"-rss_limit_mb={MOST_MEMORY}", f"-artifact_prefix={findings}", "-print_final_stats=1"]
        with log.open("wb") as output:
            ended = subprocess.run([*command, str(new), str(HERE / "corpus" / name)], stdout=output, stderr=output)
        text = log.read_text("utf-8", "replace")
        counted = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
        print(f"{name}: {int(counted[1]) if counted else 0:,} inputs in {seconds} s", flush=True)
        if ended.returncode == 0:
            return True
        saved = re.search(r"Test unit written to (.*)", text)
        print(text[-4000:], f"\n{name}: exit code {ended.returncode}; input: {saved[1] if saved else 'not known'}")
        return False


_CHILD = """import sys; sys.path.insert(0, {tests!r}); from fuzz.run import fuzz; fuzz()"""


def fuzz() -> None:
    """The process of one target: its name, its folder, and what libFuzzer takes."""
    import atheris

    with atheris.instrument_imports(include=["hybrid_tok"]):
        from fuzz.targets import TARGETS

    target = partial(TARGETS[sys.argv[1]], folder=Path(sys.argv[2]))
    atheris.Setup([sys.argv[0], *sys.argv[3:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
