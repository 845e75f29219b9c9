"""The unit codec as an audio tokenizer of DASB (Mousavi et al. 2024, arXiv 2406.14294), SpeechBrain's benchmark.

Its recipes make a tokenizer from a line of YAML, and ask it for nothing but what is here:

    tokenizer: !new:hybrid_tok.bench.dasb.Tokenizer
        num_codebooks: 2

The interface is `BaseTokenizer` of github.com/speechbrain/benchmarks, `benchmarks/DASB/utils/tokenizer_interface.py` at
commit 563a6454 (2025, after its pull request 51; until December 2024 there was one script per codec instead). It is
implemented without its import, which would bring all other codecs with it. A grid of tokens (B, N, K) is the only kind
that DASB knows, so this is the units layout without its ids for text and structure: words, speakers and events are
never written.

Letters as in DASB: B recordings, T samples at 16 kHz, N frames of 320 samples, K codebooks of C codes, H dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from hybrid_tok.codec.backend import BuiltinCodec
from hybrid_tok.errors import OptionsError


class Tokenizer(nn.Module):
    """Waveforms to codes and back; every recording of a batch has the codes that it has alone.

    Tensors may lie on any device, and results lie where the input did. The codec computes where it was made: `to` does
    not move it, since its codes may differ between devices.

    Attributes:
        sample_rate: of waveforms, 16,000 Hz, which recipes compare with their own.
        num_codebooks: K of tokens unless fewer are asked for.
        vocab_size: C, 12,800.

    Args:
        num_codebooks: the first ones of four; those of the units layout, two, unless given.
        device: where the codec computes.

    Raises:
        OptionsError: the codec has fewer codebooks.
    """

    def __init__(self, num_codebooks: int | None = None, device: str = "cpu") -> None:
        super().__init__()
        self._codec = BuiltinCodec(device=device)
        self.network = self._codec.network
        identity = self._codec.identity
        self.sample_rate, self.vocab_size = identity.sample_rate, identity.codebook_size
        self.num_codebooks = identity.default_codebooks if num_codebooks is None else num_codebooks
        if not 1 <= self.num_codebooks <= identity.num_codebooks:
            raise OptionsError(f"num_codebooks must be 1..{identity.num_codebooks}, not {num_codebooks}")

    def sig_to_tokens(
        self, signal: Tensor, lengths: Tensor | None = None, num_codebooks: int | Sequence[int] | None = None
    ) -> Tensor:
        """Waveforms (B, T) to tokens (B, N, K), N = ceil(T / 320).

        Args:
            lengths: (B,) shares of T that are not padding; what comes after them is silence. All is sound if None.
            num_codebooks: how many, or which ones counted from 0; all of `self.num_codebooks` if None.

        Raises:
            OptionsError: there are fewer codebooks.
        """
        wanted = self._codebooks(num_codebooks)
        rows = signal.detach().to("cpu", torch.float32).numpy().copy()
        if lengths is not None:
            for row, share in zip(rows, lengths.tolist(), strict=True):
                row[round(share * len(row)) :] = 0
        codes = np.stack([self._codec.encode(row)[:, wanted] for row in rows])
        return torch.from_numpy(codes).to(signal.device)

    def tokens_to_sig(self, tokens: Tensor) -> Tensor:
        """Tokens (B, N, K), of the first K codebooks, to waveforms (B, 320 N) within [-1, 1]."""
        rows = [self._codec.decode(codes) for codes in tokens.detach().cpu().numpy()]
        return torch.from_numpy(np.stack(rows)).to(tokens.device)

    def get_pretrained_embeddings(
        self,
        vocab_size: int | None = None,
        num_codebooks: int | Sequence[int] | None = None,
        device: torch.device | str | None = None,
    ) -> Tensor:
        """What the codes stand for in the quantizer's space, (K * C, H), codebook after codebook.

        Args:
            vocab_size: C, if given.
            num_codebooks: as in `sig_to_tokens`.
            device: where the result shall lie; the CPU unless given.

        Raises:
            OptionsError: another vocabulary than the codec's is asked for, or there are fewer codebooks.
        """
        if vocab_size not in (None, self.vocab_size):
            raise OptionsError(f"vocab_size must be {self.vocab_size}, the size of the codebooks, not {vocab_size}")
        vectors = [self._codec.codebook_vectors(k) for k in self._codebooks(num_codebooks)]
        return torch.from_numpy(np.concatenate(vectors)).to(device or "cpu")

    def _codebooks(self, wanted: int | Sequence[int] | None) -> list[int]:
        """Their numbers."""
        if wanted is None:
            wanted = self.num_codebooks
        numbers = list(range(wanted)) if isinstance(wanted, int) else list(wanted)
        if not numbers or not all(0 <= number < self.num_codebooks for number in numbers):
            raise OptionsError(f"codebooks {wanted} were asked for, of a tokenizer with {self.num_codebooks}")
        return numbers

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Tokenizer:
        return self
