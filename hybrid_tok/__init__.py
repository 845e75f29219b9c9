"""hybrid-tok: speech as text tokens where it is words, and as codec units where it is not.

from hybrid_tok import HybridTokenizer

tok = HybridTokenizer.from_preset()
ids = tok.encode("talk.wav")
audio = tok.decode(ids)
"""

from hybrid_tok.core.annotations import Annotations as Annotations
from hybrid_tok.core.annotations import Event as Event
from hybrid_tok.core.annotations import KnownAnnotations as KnownAnnotations
from hybrid_tok.core.annotations import Segment as Segment
from hybrid_tok.core.annotations import SpeakerTurn as SpeakerTurn
from hybrid_tok.core.annotations import Word as Word
from hybrid_tok.core.audio import Audio as Audio
from hybrid_tok.core.timeline import Span as Span
from hybrid_tok.errors import AnnotationError as AnnotationError
from hybrid_tok.errors import AnnotationWarning as AnnotationWarning
from hybrid_tok.errors import AudioError as AudioError
from hybrid_tok.errors import BackendError as BackendError
from hybrid_tok.errors import ContainerError as ContainerError
from hybrid_tok.errors import FingerprintError as FingerprintError
from hybrid_tok.errors import GrammarError as GrammarError
from hybrid_tok.errors import HybridTokError as HybridTokError
from hybrid_tok.errors import ModelError as ModelError
from hybrid_tok.errors import OptionsError as OptionsError
from hybrid_tok.errors import StreamError as StreamError
from hybrid_tok.errors import WeightsError as WeightsError
from hybrid_tok.formats.annotation_files import AnnotationFiles as AnnotationFiles
from hybrid_tok.tokenizer import Analysis as Analysis
from hybrid_tok.tokenizer import HybridTokenizer as HybridTokenizer
from hybrid_tok.tokenizer import TokenizerOptions as TokenizerOptions
from hybrid_tok.tokens.stream import HybridStream as HybridStream
from hybrid_tok.tokens.vocabulary import Vocabulary as Vocabulary
