"""Unit BPE: codes to ids of which some stand for several frames, and back.

The ids are offsets from a vocabulary's first unit id: those of each codebook in turn, then the merged units. In
streams, a vocabulary with `VocabularyOptions.unit_merges` does the same by itself. `tokens.merges_file` reads merges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hybrid_tok.errors import GrammarError, OptionsError, StreamError
from hybrid_tok.tokens.stream import Frame
from hybrid_tok.tokens.unit_merges import Unit, UnitMerges


@dataclass(frozen=True, slots=True)
class UnitBpe:
    """Codes (frames, codebooks) to ids (n,) and back, exactly.

    Attributes:
        merges: over whole frames, or over codebook 0 alone where they have one codebook.
        codebook_size: codes per codebook.

    Raises:
        OptionsError: the merges have codes outside the codebooks.
    """

    merges: UnitMerges
    codebook_size: int

    def __post_init__(self) -> None:
        if not all(0 <= unit < self.codebook_size for frame in self.merges.frames for unit in frame):
            raise OptionsError(f"unit merges have units outside 0..{self.codebook_size - 1}")

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.merges.num_codebooks * self.codebook_size + len(self.merges.merges)

    def encode(self, codes: ArrayLike) -> NDArray[np.int64]:
        """The ids of codes.

        Raises:
            StreamError: the codes are of another number of codebooks, or outside them.
        """
        array = np.asarray(codes)
        width, size = self.merges.num_codebooks, self.codebook_size
        if array.size == 0:
            return np.zeros(0, np.int64)
        if array.ndim != 2 or array.shape[1] != width or not np.issubdtype(array.dtype, np.integer):
            raise StreamError(f"codes {array.shape} of {array.dtype}; these merges are over integers (frames, {width})")
        if array.min() < 0 or array.max() >= size:
            raise StreamError(f"codes from {array.min()} to {array.max()}, which must be in 0..{size - 1}")
        ids: list[int] = []
        for unit in self.merges.encode(list(map(tuple, array.tolist()))):
            if isinstance(unit, int):
                ids.append(width * size + unit)
            else:
                ids += (codebook * size + code for codebook, code in enumerate(unit))
        return np.array(ids, np.int64)

    def decode(self, ids: ArrayLike) -> NDArray[np.int64]:
        """The codes (frames, codebooks) of ids; any spelling is accepted, not only that of `encode`.

        Raises:
            GrammarError: an id out of place.
        """
        return np.array(self.merges.decode(self._units(ids)), np.int64).reshape(-1, self.merges.num_codebooks)

    def durations(self, ids: ArrayLike) -> NDArray[np.int64]:
        """Frames that each id ends (n,): those of a merged unit, 1 for the last unit of a frame, 0 for the others."""
        lengths: list[int] = []
        for unit in self._units(ids):
            lengths += [self.merges.lengths[unit]] if isinstance(unit, int) else [0] * (len(unit) - 1) + [1]
        return np.array(lengths, np.int64)

    def _units(self, ids: ArrayLike) -> list[Unit]:
        width, size = self.merges.num_codebooks, self.codebook_size
        units: list[Unit] = []
        frame: Frame = ()
        position = -1
        for position, token in enumerate(np.asarray(ids).tolist()):
            codebook = len(frame)
            wanted = f"ids {codebook * size}..{(codebook + 1) * size - 1} of codebook {codebook}"
            if not frame and type(token) is int and width * size <= token < self.size:
                units.append(token - width * size)
            elif type(token) is int and codebook * size <= token < (codebook + 1) * size:
                frame = (*frame, token - codebook * size)
                if len(frame) == width:
                    units.append(frame)
                    frame = ()
            else:
                merged = (f"ids {width * size}..{self.size - 1} of merged units",) if not frame else ()
                raise GrammarError(position, f"id {token}", (wanted, *merged))
        if frame:
            raise GrammarError(position + 1, "the end of the sequence", (f"ids of codebook {len(frame)}",))
        return units
