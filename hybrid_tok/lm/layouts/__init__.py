"""Layouts: what a language model sees of a recording. Each is reversible: its rows to its own stream and back.

| layout | what a model sees | after | where |
|---|---|---|---|
| hybrid | text or units, as the gate chooses | this project | `Vocabulary`, `layout="hybrid"` |
| text | words and event tags, no units | cascade | `Vocabulary`, `layout="text"` |
| units | units only; repeats merged and counted with `run_length` | GSLM | `Vocabulary`, `layout="units"` |
| interleaved | text and units take turns at word boundaries | SpiRit-LM | `interleave`, then as hybrid |
| joint | text and units of the same stretch, one after the other | Chou et al. 2023 | `join_speech`, `JointLayout` |
| parallel | a row per frame: text beside its units | Moshi | `parallel_speech`, `write_parallel`, `read_parallel` |
| flat, delayed, coarse to fine | the order of a frame's units | MusicGen, AudioLM | `patterns` |
| channels | blocks of fixed length, a row per channel | dGSLM, Moshi | `write_channels`, `read_channels` |

Layouts that need text and units of the same moment are made from `AlignedSpeech`. All are pure functions; with
`VocabularyOptions.unit_merges`, frequent sequences of frames are one id in those that write unit runs (all but
parallel, the patterns and channels, whose rows are frames). Pictures are in `docs/layouts.md`.
"""

from hybrid_tok.lm.layouts.aligned import AlignedSpeech as AlignedSpeech
from hybrid_tok.lm.layouts.aligned import align_speech as align_speech
from hybrid_tok.lm.layouts.channels import read_channels as read_channels
from hybrid_tok.lm.layouts.channels import write_channels as write_channels
from hybrid_tok.lm.layouts.interleaved import InterleaveOptions as InterleaveOptions
from hybrid_tok.lm.layouts.interleaved import interleave as interleave
from hybrid_tok.lm.layouts.joint import JointLayout as JointLayout
from hybrid_tok.lm.layouts.joint import JointSegment as JointSegment
from hybrid_tok.lm.layouts.joint import JointStream as JointStream
from hybrid_tok.lm.layouts.joint import join_speech as join_speech
from hybrid_tok.lm.layouts.joint import joint_units as joint_units
from hybrid_tok.lm.layouts.parallel import ParallelStream as ParallelStream
from hybrid_tok.lm.layouts.parallel import TimedWord as TimedWord
from hybrid_tok.lm.layouts.parallel import parallel_speech as parallel_speech
from hybrid_tok.lm.layouts.parallel import read_parallel as read_parallel
from hybrid_tok.lm.layouts.parallel import write_parallel as write_parallel
from hybrid_tok.lm.layouts.patterns import read_coarse_to_fine as read_coarse_to_fine
from hybrid_tok.lm.layouts.patterns import read_delayed as read_delayed
from hybrid_tok.lm.layouts.patterns import read_flat as read_flat
from hybrid_tok.lm.layouts.patterns import write_coarse_to_fine as write_coarse_to_fine
from hybrid_tok.lm.layouts.patterns import write_delayed as write_delayed
from hybrid_tok.lm.layouts.patterns import write_flat as write_flat
