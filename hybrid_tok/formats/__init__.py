"""Annotation files: reading those of other programs, and writing ours.

A file's format is detected, by its content first. Each format has a module that parses a file to `records`; `place`
puts them on the recording's time grid, by the same rules for all formats.
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
from hybrid_tok.formats.writing import file_names as file_names
from hybrid_tok.formats.writing import write_annotations as write_annotations
