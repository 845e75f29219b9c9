"""A finished corpus as a dataset of PyTorch, divided over ranks and the workers of a `DataLoader`.

loader = DataLoader(ShardDataset("shards/", shuffle_seed=0), batch_size=None, num_workers=4)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from hybrid_tok.corpus.reading import Corpus, CorpusReader
from hybrid_tok.corpus.rows import Row
from hybrid_tok.errors import OptionsError


class ShardDataset(IterableDataset[dict[str, Any]]):
    """Rows of a corpus: {"id", "ids": LongTensor (n,), "seconds", and each of `Columns`}.

    Each worker of each rank reads a part of its own (see `CorpusReader`), and together they read everything once.
    Parts differ in size by what one shard holds, or where there are fewer shards than parts, by a row per shard.

    `state_dict` and `load_state_dict` are those that `torchdata.stateful_dataloader.StatefulDataLoader` calls in each
    worker; a state fits the same number of ranks and workers only. A loop that is not resumed starts at the first row
    of its epoch. Without persistent workers each loop has a new copy of the dataset: call `set_epoch` before it, as of
    a `DistributedSampler`, to get another order.

    Args:
        address: of the corpus.
        shuffle_seed: of the order; None is the order of the corpus.
        rank, world: of this process; None is what `torch.distributed` says when the dataset is made, else 0 of 1.

    Raises:
        CorpusError: there is no finished corpus.
        OptionsError: `rank` without `world`, or not below it.
    """

    def __init__(
        self, address: str, *, shuffle_seed: int | None = None, rank: int | None = None, world: int | None = None
    ) -> None:
        super().__init__()
        if (rank is None) != (world is None):
            raise OptionsError("rank and world go together: give both, or neither")
        if rank is None or world is None:
            rank, world = _distributed()
        self.corpus = Corpus.open(address)
        self._seed, self._rank, self._world = shuffle_seed, rank, world
        self._epoch = 0
        self._reader: CorpusReader | None = None
        self._resumed = False
        self._make_reader()  # so that a wrong rank is told here, not in a worker

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows of this worker.

        Raises:
            CorpusError: a file is missing or damaged.
        """
        reader = self._reader if self._resumed else None
        if reader is None:
            reader = self._reader = self._make_reader()
        self._resumed = False
        return self._items(reader)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next loop. One that is to be resumed in this epoch still is.

        Raises:
            OptionsError: a negative one.
        """
        if epoch < 0:
            raise OptionsError(f"epoch must be 0 or more, not {epoch}")
        self._epoch = epoch
        if self._reader is not None and self._reader.epoch != epoch:
            self._reader, self._resumed = None, False

    def state_dict(self) -> dict[str, Any]:
        """Where this worker is: after the row that it gave last. After the last row of all, a loop has no rows left.

        A loader asks workers that have finished too, while others go on.
        """
        return (self._reader or self._make_reader()).state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Have the next loop go on where a worker was.

        Raises:
            StateError: that one had another corpus, seed or share.
        """
        reader = self._make_reader()
        reader.load_state_dict(state)
        self._reader, self._resumed = reader, True
        self._epoch = reader.epoch

    def _items(self, reader: CorpusReader) -> Iterator[dict[str, Any]]:
        for row in reader.rest():
            yield _item(row)
        if reader is self._reader:
            self._epoch = reader.epoch + 1

    def _make_reader(self) -> CorpusReader:
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        rank, world = self._rank * workers + worker, self._world * workers
        return CorpusReader(self.corpus, shuffle_seed=self._seed, rank=rank, world=world, epoch=self._epoch)


def _distributed() -> tuple[int, int]:
    """Rank and number of processes."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def _item(row: Row) -> dict[str, Any]:
    ids = torch.from_numpy(row.ids).long()
    return {"id": row.id, "ids": ids, "seconds": row.seconds, **asdict(row.columns)}
