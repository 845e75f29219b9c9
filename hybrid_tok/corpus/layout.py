"""Names of the files in the folder of a corpus.

corpus.json           what it is: format, fingerprint, options
shard-000000.*        tokens
shards.jsonl          a line per shard, once the run has finished
errors.jsonl          a line per entry without a row, once the run has finished
data.lst              of WebDataset: tar, jsonl, recordings and seconds of each shard, once the run has finished
report.json, .html    figures, once the run has finished
_run/plan.json        how many shards there are, and their parts
_run/plan/000000.jsonl        the entries of each shard
_run/plan-errors.jsonl        lines of the manifest that are no entries
_run/done/000000.json         each finished shard
_run/work/000000/             the journal of each shard that is being made
_run/runs/0123abcd.json       what each run of the command has taken
_run/models/                  a file, named by the fingerprint of the models that all workers must have
"""

from __future__ import annotations

CORPUS = "corpus.json"
SHARDS = "shards.jsonl"
ERRORS = "errors.jsonl"
DATA_LIST = "data.lst"
REPORT = "report.json"
PAGE = "report.html"
RUN = "_run"
PLAN = f"{RUN}/plan.json"
PLAN_ERRORS = f"{RUN}/plan-errors.jsonl"
PLANS = f"{RUN}/plan"
DONE = f"{RUN}/done"
WORK = f"{RUN}/work"
RUNS = f"{RUN}/runs"
MODELS = f"{RUN}/models"


def shard_name(number: int) -> str:
    """The stem of a shard's files."""
    return f"shard-{number:06d}"


def entries_name(number: int) -> str:
    """The entries of a shard."""
    return f"{PLANS}/{number:06d}.jsonl"


def done_name(number: int) -> str:
    """What is known about a finished shard."""
    return f"{DONE}/{number:06d}.json"


def work_folder(number: int) -> str:
    """The journal of a shard."""
    return f"{WORK}/{number:06d}"
