"""Batches drawn ahead of the training step that needs them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from hybrid_tok.train.codec.augment import draw_segment
from hybrid_tok.train.codec.options import TrainCodecOptions
from hybrid_tok.train.data import SegmentSampler


class Batches:
    """Batches (segments, kept codebooks) from step `first` on, drawn one ahead in a thread of its own."""

    def __init__(self, sampler: SegmentSampler, options: TrainCodecOptions, first: int, rank: int = 0) -> None:
        self._sampler, self._options, self._rank = sampler, options, rank
        self._ready: queue.Queue[tuple[Tensor, Tensor] | Exception] = queue.Queue(maxsize=2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(first,), daemon=True)
        self._thread.start()

    def _draw(self, step: int) -> tuple[Tensor, Tensor]:
        options = self._options
        rng = np.random.default_rng((options.seed, step, self._rank))
        count = options.batch // options.workers
        segments = np.stack([draw_segment(self._sampler, rng, options.augment) for _ in range(count)])
        shares = np.array(options.prefix_shares) / sum(options.prefix_shares)
        kept = rng.choice(len(shares), size=count, p=shares) + 1
        return torch.from_numpy(segments), torch.from_numpy(kept)

    def _work(self, step: int) -> None:
        while not self._stop.is_set():
            try:
                item: tuple[Tensor, Tensor] | Exception = self._draw(step)
            except Exception as error:  # handed to the training loop, which raises it
                item = error
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue
            step += 1

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            item = self._ready.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
