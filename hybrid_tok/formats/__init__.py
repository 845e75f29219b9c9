"""Annotation files in and out: what other programs heard, and what hybrid-tok heard.

Readers find a file's format themselves, by its content first. Every format is a module of its own that takes a file
apart (`records`); `place` puts what it says on the recording's time grid, by the same rules for all.
"""

from hybrid_tok.formats.place import DOUBTFUL as DOUBTFUL
from hybrid_tok.formats.place import UNSTATED as UNSTATED
from hybrid_tok.formats.reading import read_annotations as read_annotations
from hybrid_tok.formats.reading import read_events as read_events
from hybrid_tok.formats.reading import read_speakers as read_speakers
from hybrid_tok.formats.reading import read_words as read_words
from hybrid_tok.formats.reading import speaker_numbers as speaker_numbers
from hybrid_tok.formats.writing import FORMATS as FORMATS
from hybrid_tok.formats.writing import Format as Format
from hybrid_tok.formats.writing import check_formats as check_formats
from hybrid_tok.formats.writing import write_annotations as write_annotations
