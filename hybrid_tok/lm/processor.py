"""A transformers processor: text with recordings in it to ids of a language model, and what it writes back.

The tokenizer of the language model gets one token more, the placeholder `<|audio|>`. Where it stands in a text, the ids
of a stream are put in, between `<|audio|>` and `<|/audio|>`: as ids, never as text that is tokenized again, so that
nothing in a text can become an id of ours. How many ids a recording takes depends on what is said in it; engines that
reserve room for placeholders beforehand (vLLM) are given `input_ids` instead.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from transformers import AutoProcessor, BatchFeature, PretrainedConfig
from transformers.processing_utils import ProcessorMixin
from transformers.utils.hub import cached_file
from typing_extensions import Unpack

from hybrid_tok.core.audio import Audio
from hybrid_tok.core.threads import map_threads
from hybrid_tok.errors import AudioError, FingerprintError, HybridTokError, OptionsError
from hybrid_tok.lm.batches import Padding, pad
from hybrid_tok.lm.kwargs import HybridProcessorKwargs
from hybrid_tok.lm.parts import TextPart, parts_of
from hybrid_tok.options import TokenizerOptions, written_options
from hybrid_tok.presets import find_preset
from hybrid_tok.tokenizer import HybridTokenizer, Source
from hybrid_tok.tokens.stream import HybridStream
from hybrid_tok.tokens.summary import transcript
from hybrid_tok.tokens.text import TokenizersText
from hybrid_tok.tokens.vocabulary import Errors, Vocabulary

if TYPE_CHECKING:
    from hybrid_tok.lm.sampling import HybridLogitsProcessor

AUDIO_TOKEN = "<|audio|>"
"""Stands in a text for a recording."""

MERGES = "unit_merges.json"
"""Beside a saved processor: the file of merged units, where there is one."""

ReturnFormat: TypeAlias = Literal["text", "audio", "parsed"]
"""What `decode` gives: readable text; the sound of each stream; or text and streams in order."""

IGNORED = -100
"""The label of what no loss is computed for, as PyTorch's cross entropy has it."""

AUDIO_TYPE = 3
"""What transformers writes for audio in `mm_token_type_ids`."""

# A plain model's chat template takes a message's content as text. This is put before it, and makes such text of content
# that is a list of parts.
_PARTS_AS_TEXT = (
    "{%- set parts_as_text = namespace(messages=[]) -%}"
    "{%- for message in messages -%}"
    "{%- if message['content'] is string or message['content'] is none or message['content'] is undefined -%}"
    "{%- set parts_as_text.messages = parts_as_text.messages + [message] -%}"
    "{%- else -%}"
    "{%- set content = namespace(text='') -%}"
    "{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'audio' -%}{%- set content.text = content.text + 'AUDIO_TOKEN' -%}"
    "{%- elif part['type'] == 'text' -%}{%- set content.text = content.text + part['text'] -%}"
    "{%- else -%}{{- raise_exception('content of type ' + part['type'] + ': there is text and audio') -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- set parts_as_text.messages = parts_as_text.messages + [dict(message, content=content.text)] -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- set messages = parts_as_text.messages -%}"
)


class HybridProcessor(ProcessorMixin):
    """Text and recordings to ids of a language model, and back.

        processor = HybridProcessor.from_tokenizer(llm_tokenizer, timing="free")
        batch = processor(text=["transcribe: <|audio|>"], audio=["talk.wav"], return_tensors="pt")

    Attributes:
        hybrid: the tokenizer that recordings are encoded and decoded with.
        vocabulary: its vocabulary: the language model's ids, and ours after them.
    """

    valid_processor_kwargs = HybridProcessorKwargs
    output_labels = False
    model_input_names = ("input_ids", "attention_mask")  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(
        self,
        tokenizer: Any,
        chat_template: str | dict[str, str] | None = None,
        audio_token: str = AUDIO_TOKEN,
        preset: str = "default",
        options: Mapping[str, Any] | None = None,
        fingerprint: Mapping[str, str] | None = None,
    ) -> None:
        """Use `from_tokenizer` for a tokenizer of a language model; this is how transformers loads a saved processor.

        Args:
            tokenizer: of the language model, with the placeholder as an additional token.
            chat_template: with the placeholder where content has the type "audio".
            audio_token: the placeholder.
            preset: of the hybrid tokenizer.
            options: fields of `TokenizerOptions` that are not the default.
            fingerprint: of the vocabulary that this must be.

        Raises:
            OptionsError: the tokenizer cannot be used; the message says why.
            FingerprintError: the vocabulary is another one.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise OptionsError(
                f"{type(tokenizer).__name__} is a slow tokenizer: load its fast form, which has a tokenizer.json"
            )
        super().__init__(tokenizer, chat_template=chat_template)
        self.audio_token = audio_token
        self.audio_token_id = tokenizer.convert_tokens_to_ids(audio_token)
        found = find_preset(preset)
        # A preset file stays on this machine: what it chooses is saved instead of its path.
        self.preset, self.options = found.name, {**found.options, **(options or {})}
        chosen = found.with_options(self.options)
        self.hybrid = HybridTokenizer(found, chosen, text=_text_tokenizer(tokenizer, audio_token))
        self.fingerprint = dict(self.vocabulary.fingerprint)
        if fingerprint is not None and dict(fingerprint) != self.fingerprint:
            differing = [part for part in self.fingerprint if fingerprint.get(part) != self.fingerprint[part]]
            raise FingerprintError(
                f"the processor was saved with another {' and '.join(differing) or 'vocabulary'} than there is here: "
                "use the release of hybrid-tok, the options and the tokenizer that it was saved with"
            )

    @classmethod
    def from_tokenizer(
        cls, tokenizer: Any, *, audio_token: str = AUDIO_TOKEN, preset: str = "default", **options: Any
    ) -> HybridProcessor:
        """A processor for a language model, whose tokenizer stays as it is: the processor has a copy.

        Its chat template, if it has one that knows no audio, also takes content that is a list of
        `{"type": "text", "text": ..}` and `{"type": "audio", ..}`.

        Args:
            tokenizer: a fast tokenizer.
            audio_token: the placeholder; another where the tokenizer has `<|audio|>` itself.
            preset, options: of the hybrid tokenizer, see `HybridTokenizer.from_preset`.

        Raises:
            OptionsError: a slow tokenizer, one that has the placeholder already, or options that do not exist.
        """
        known = {field.name for field in fields(TokenizerOptions)} - {"text_tokenizer"}
        for option in options:
            if option not in known:
                raise OptionsError(f"no option is called {option!r}; there are: {', '.join(sorted(known))}")
        if audio_token in tokenizer.get_vocab():
            raise OptionsError(
                f"{type(tokenizer).__name__} has a token {audio_token} of its own: give another audio_token, "
                "such as '<|recording|>'"
            )
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.add_tokens([_placeholder(audio_token)], special_tokens=True)
        template = tokenizer.chat_template
        if isinstance(template, str) and audio_token not in template:
            template = _PARTS_AS_TEXT.replace("AUDIO_TOKEN", audio_token) + template
        return cls(tokenizer, template, audio_token, preset, options)

    @property
    def vocabulary(self) -> Vocabulary:
        return self.hybrid.vocabulary

    @property
    def pad_token_id(self) -> int:
        """The language model's own id for padding, or `<|pad|>` where it has none."""
        own = self.tokenizer.pad_token_id
        return self.vocabulary.pad_id if own is None else own

    def __call__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        text: str | Sequence[str] | None = None,
        audio: Any = None,
        *,
        audio_ids: Sequence[Sequence[int]] | None = None,
        images: None = None,
        videos: None = None,
        **kwargs: Unpack[HybridProcessorKwargs],
    ) -> BatchFeature:
        """Texts with recordings in them to a batch.

        Args:
            text: one or several; each placeholder in them stands for the next recording.
            audio: recordings in the order of their placeholders: mono arrays (N,) with `sampling_rate`, paths, or
                `Audio`. Without text, each is a sequence of its own.
            audio_ids: ids of recordings that were encoded before (`hybrid.encode`), instead of `audio`.
            images, videos: there are none.
            kwargs: those of transformers (`padding`, `padding_side`, `max_length`, `pad_to_multiple_of`,
                `return_tensors`, `return_mm_token_type_ids`, ..), and `output_labels`.

        Returns:
            `input_ids` and `attention_mask`; `labels` and `mm_token_type_ids` where asked for.

        Raises:
            OptionsError: placeholders and recordings do not match, or a sequence is longer than `max_length` and may
                not be cut.
            AudioError: a recording cannot be read; the message says which.
            GrammarError: `audio_ids` are no stream.
        """
        if images is not None or videos is not None:
            raise OptionsError("this processor takes text and audio, no images or videos")
        merged = self._merge_kwargs(tokenizer_init_kwargs=self.tokenizer.init_kwargs, **kwargs)
        text_kwargs: dict[str, Any] = merged["text_kwargs"]
        streams = self._streams(audio, audio_ids, merged["audio_kwargs"].get("sampling_rate"))
        if text is None:
            if streams is None:
                raise OptionsError("there is neither text nor audio: give at least one of them")
            text, text_kwargs["add_special_tokens"] = [self.audio_token] * len(streams), False
        texts = [text] if isinstance(text, str) else list(text)
        rows = self._rows(texts, streams or [], text_kwargs)
        padding = Padding.of(text_kwargs, self.tokenizer)
        longest = padding.longest
        for number, row in enumerate(rows):
            if longest is not None and len(row["input_ids"]) > longest:
                raise OptionsError(
                    f"text {number} is {len(row['input_ids'])} ids long, more than max_length={longest}; a stream "
                    "that is cut has no meaning: encode a shorter recording"
                )
        wanted = {"input_ids": self.pad_token_id, "attention_mask": 0}
        if merged.get("output_labels"):
            wanted["labels"] = IGNORED
        if merged.get("return_mm_token_type_ids"):
            wanted["mm_token_type_ids"] = 0
        if "offset_mapping" in rows[0]:
            wanted["offset_mapping"] = (0, 0)  # type: ignore[assignment]
        data = {name: pad([row[name] for row in rows], filler, padding) for name, filler in wanted.items()}
        tensors = text_kwargs.get("return_tensors")
        if tensors is not None and len({len(row) for row in data["input_ids"]}) > 1:
            raise OptionsError("sequences of different lengths are no tensor: give padding=True")
        return BatchFeature(data, tensor_type=tensors)

    def logits_processor(self, **options: Any) -> HybridLogitsProcessor:
        """Keeps what `generate` writes within the grammar; see `lm.sampling` for the options. It may end where the
        language model's own end of text may stand: outside streams."""
        from hybrid_tok.lm.sampling import HybridLogitsProcessor

        if self.tokenizer.eos_token_id is not None:
            options.setdefault("end", self.tokenizer.eos_token_id)
        return HybridLogitsProcessor(self.vocabulary, **options)

    def decode(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        token_ids: Any,
        return_format: ReturnFormat = "text",
        *,
        errors: Errors = "strict",
        skip_special_tokens: bool = True,
        **kwargs: Any,
    ) -> Any:
        """What a sequence says; a batch (a 2-D array, or a list of sequences) gives a list.

        Args:
            token_ids: ids of the language model, prompts included.
            return_format: `text`: one string, streams as readable lines between `<|audio|>` and `<|/audio|>`. `audio`:
                a list of `Audio`, one per stream. `parsed`: a list of strings and `HybridStream`, in order.
            errors: of streams that are not whole: `strict` raises, `repair` repairs them (a model that stops at a limit
                leaves the last one unfinished).
            skip_special_tokens: leave the language model's own special tokens out of the text.
            kwargs: for the language model's `decode`.

        Raises:
            GrammarError: an id out of place.
        """
        if return_format not in ("text", "audio", "parsed"):
            raise OptionsError(f"return_format must be text, audio or parsed, not {return_format!r}")
        listed: list[Any] = token_ids.tolist() if hasattr(token_ids, "tolist") else list(token_ids)
        if listed and not isinstance(listed[0], int):
            own = {"errors": errors, "skip_special_tokens": skip_special_tokens, **kwargs}
            rows = partial(self.decode, return_format=return_format, **own)
            return map_threads(rows, listed) if return_format == "audio" else [rows(row) for row in listed]
        parts = [
            self.tokenizer.decode(list(part.ids), skip_special_tokens=skip_special_tokens, **kwargs)
            if isinstance(part, TextPart)
            else self.vocabulary.decode(part.ids, errors=errors)
            for part in parts_of(self.vocabulary.space, listed)
        ]
        if return_format == "parsed":
            return parts
        if return_format == "audio":
            streams = [part for part in parts if isinstance(part, HybridStream)]
            return map_threads(self.hybrid.decoder.decode, streams)
        rate = self.hybrid.codec_identity.grid.frame_rate
        shown = (part if isinstance(part, str) else f"<|audio|>{transcript(part, rate)}<|/audio|>" for part in parts)
        return "".join(shown)

    def batch_decode(self, sequences: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """`decode` of each sequence."""
        return [self.decode(sequence, *args, **kwargs) for sequence in sequences]

    def apply_chat_template(self, conversation: Any, *args: Any, **kwargs: Any) -> Any:
        """As transformers has it; only with `sanitize_control_tokens=False` can users write a control token."""
        if kwargs.get("tokenize") and not kwargs.get("return_assistant_tokens_mask"):
            kwargs.setdefault("sanitize_control_tokens", True)
        return super().apply_chat_template(conversation, *args, **kwargs)

    def save_pretrained(self, save_directory: Any, push_to_hub: bool = False, **kwargs: Any) -> list[str]:
        """As transformers has it; a file of merged units goes along."""
        files: list[str] = []
        if "unit_merges" in self.options:
            Path(save_directory).mkdir(parents=True, exist_ok=True)
            files.append(str(shutil.copy(self.options["unit_merges"], Path(save_directory) / MERGES)))
        return [*super().save_pretrained(save_directory, push_to_hub, **kwargs), *files]

    @classmethod
    def get_processor_dict(
        cls, pretrained_model_name_or_path: Any, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        held, rest = super().get_processor_dict(pretrained_model_name_or_path, **kwargs)
        if "unit_merges" in held.get("options", {}):
            held["options"]["unit_merges"] = cached_file(pretrained_model_name_or_path, MERGES, **kwargs)
        return held, rest

    def to_dict(self) -> dict[str, Any]:
        held = {name: getattr(self, name) for name in ("audio_token", "preset", "fingerprint")}
        plain = TokenizerOptions()
        written = written_options(TokenizerOptions(**self.options))
        held["options"] = {name: value for name, value in written.items() if value != getattr(plain, name)}
        if "unit_merges" in self.options:
            held["options"]["unit_merges"] = MERGES
        if auto_map := getattr(self, "auto_map", None):
            held["auto_map"] = auto_map
        return held | {"processor_class": type(self).__name__}

    def _streams(self, audio: Any, audio_ids: Any, sampling_rate: int | None) -> list[list[int]] | None:
        """The ids of each recording."""
        if audio is not None and audio_ids is not None:
            raise OptionsError("audio and audio_ids are two forms of the same: give one of them")
        if audio_ids is not None:
            for ids in audio_ids:
                self.vocabulary.check(ids)
            return [list(map(int, ids)) for ids in audio_ids]
        if audio is None:
            return None
        several = audio if isinstance(audio, list | tuple) else [audio]
        return map_threads(partial(self._encode, sampling_rate=sampling_rate), enumerate(several))

    def _encode(self, numbered: tuple[int, Any], sampling_rate: int | None) -> list[int]:
        """Ids of a recording; errors say which it was."""
        number, audio = numbered
        try:
            return self.hybrid.encode(_source(audio, sampling_rate))
        except HybridTokError as error:
            raise AudioError(f"audio {number}: {error}") from error

    def _rows(
        self, texts: Sequence[str], streams: Sequence[list[int]], kwargs: Mapping[str, Any]
    ) -> list[dict[str, list[Any]]]:
        """Each text as ids, with streams where the placeholders are."""
        own = ("add_special_tokens", "sanitize_control_tokens", "return_offsets_mapping")
        given = {name: kwargs[name] for name in own if kwargs.get(name) is not None}
        encoded = self.tokenizer(list(texts), padding=False, truncation=False, return_attention_mask=False, **given)
        placeholders = sum(ids.count(self.audio_token_id) for ids in encoded["input_ids"])
        if placeholders != len(streams):
            raise OptionsError(
                f"the text has {placeholders} placeholders {self.audio_token}, and there are {len(streams)} recordings"
            )
        remaining = iter(streams)
        offsets = encoded.get("offset_mapping", [None] * len(texts))
        return [self._row(ids, remaining, own) for ids, own in zip(encoded["input_ids"], offsets, strict=True)]

    def _row(
        self, ids: Sequence[int], streams: Iterator[list[int]], offsets: Sequence[Any] | None
    ) -> dict[str, list[Any]]:
        space = self.vocabulary.space
        row: list[int] = []
        types: list[int] = []
        origins: list[int] = []
        for position, token in enumerate(ids):
            if token == self.audio_token_id:
                stream = [space.audio_open.start, *next(streams), space.audio_close.start]
                row += stream
                types += [AUDIO_TYPE] * len(stream)
                origins += [position] * len(stream)
            else:
                row.append(token)
                types.append(0)
                origins.append(position)
        made: dict[str, list[Any]] = {"input_ids": row, "attention_mask": [1] * len(row), "labels": row}
        made["mm_token_type_ids"] = types
        if offsets is not None:
            made["offset_mapping"] = [tuple(offsets[position]) for position in origins]
        return made


class HybridProcessorConfig(PretrainedConfig):
    """Only there so that `AutoProcessor` finds the processor by name."""

    model_type = "hybrid_tok"


AutoProcessor.register(HybridProcessorConfig, HybridProcessor, exist_ok=True)


def _placeholder(token: str) -> Any:
    from transformers import AddedToken

    return AddedToken(token, special=True, normalized=False)


def _text_tokenizer(tokenizer: Any, audio_token: str) -> TokenizersText:
    """The language model's tokenizer for what is said in streams: without the placeholder."""
    settings: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
    added = settings.get("added_tokens") or []
    settings["added_tokens"] = [token for token in added if token["content"] != audio_token]
    if len(settings["added_tokens"]) == len(added):
        raise OptionsError(f"the tokenizer has no token {audio_token}: make the processor by from_tokenizer")
    for state in ("padding", "truncation", "post_processor"):  # of how it was used; none of it changes pieces
        settings.pop(state, None)
    return TokenizersText(json.dumps(settings).encode(), type(tokenizer).__name__)


def _source(audio: Any, sampling_rate: int | None) -> Source:
    """A recording as the tokenizer takes it.

    Raises:
        AudioError: an array without a rate, or of several channels.
    """
    if isinstance(audio, str | Path | Audio):
        return audio
    if hasattr(audio, "detach"):
        audio = audio.detach().cpu().numpy()
    samples = np.asarray(audio)
    if sampling_rate is None:
        raise AudioError("an array says nothing about its rate: give sampling_rate")
    if samples.ndim != 1:
        raise AudioError(
            f"an array of shape {samples.shape}: give mono samples (N,), such as the mean of the channels, or an Audio"
        )
    return samples, sampling_rate
