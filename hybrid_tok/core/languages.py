"""The languages that words can be tagged with: those of Whisper, by its codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hybrid_tok.errors import OptionsError

# The order is that of the ids in a vocabulary: a new language goes to the end.
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "zh": "Chinese",
        "de": "German",
        "es": "Spanish",
        "ru": "Russian",
        "ko": "Korean",
        "fr": "French",
        "ja": "Japanese",
        "pt": "Portuguese",
        "tr": "Turkish",
        "pl": "Polish",
        "ca": "Catalan",
        "nl": "Dutch",
        "ar": "Arabic",
        "sv": "Swedish",
        "it": "Italian",
        "id": "Indonesian",
        "hi": "Hindi",
        "fi": "Finnish",
        "vi": "Vietnamese",
        "he": "Hebrew",
        "uk": "Ukrainian",
        "el": "Greek",
        "ms": "Malay",
        "cs": "Czech",
        "ro": "Romanian",
        "da": "Danish",
        "hu": "Hungarian",
        "ta": "Tamil",
        "no": "Norwegian",
        "th": "Thai",
        "ur": "Urdu",
        "hr": "Croatian",
        "bg": "Bulgarian",
        "lt": "Lithuanian",
        "la": "Latin",
        "mi": "Maori",
        "ml": "Malayalam",
        "cy": "Welsh",
        "sk": "Slovak",
        "te": "Telugu",
        "fa": "Persian",
        "lv": "Latvian",
        "bn": "Bengali",
        "sr": "Serbian",
        "az": "Azerbaijani",
        "sl": "Slovenian",
        "kn": "Kannada",
        "et": "Estonian",
        "mk": "Macedonian",
        "br": "Breton",
        "eu": "Basque",
        "is": "Icelandic",
        "hy": "Armenian",
        "ne": "Nepali",
        "mn": "Mongolian",
        "bs": "Bosnian",
        "kk": "Kazakh",
        "sq": "Albanian",
        "sw": "Swahili",
        "gl": "Galician",
        "mr": "Marathi",
        "pa": "Punjabi",
        "si": "Sinhala",
        "km": "Khmer",
        "sn": "Shona",
        "yo": "Yoruba",
        "so": "Somali",
        "af": "Afrikaans",
        "oc": "Occitan",
        "ka": "Georgian",
        "be": "Belarusian",
        "tg": "Tajik",
        "sd": "Sindhi",
        "gu": "Gujarati",
        "am": "Amharic",
        "yi": "Yiddish",
        "lo": "Lao",
        "uz": "Uzbek",
        "fo": "Faroese",
        "ht": "Haitian Creole",
        "ps": "Pashto",
        "tk": "Turkmen",
        "nn": "Nynorsk",
        "mt": "Maltese",
        "sa": "Sanskrit",
        "lb": "Luxembourgish",
        "my": "Myanmar",
        "bo": "Tibetan",
        "tl": "Tagalog",
        "mg": "Malagasy",
        "as": "Assamese",
        "tt": "Tatar",
        "haw": "Hawaiian",
        "ln": "Lingala",
        "ha": "Hausa",
        "ba": "Bashkir",
        "jw": "Javanese",
        "su": "Sundanese",
        "yue": "Cantonese",
    }
)
"""English names by code, both as Whisper has them."""

UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km", "bo"})
"""Languages written without spaces between words."""

_OTHER_CODES: Mapping[str, str] = MappingProxyType({"cmn": "zh", "nb": "no", "jv": "jw"})
"""ISO 639 codes that Whisper has another code for."""


def check_language(code: str) -> None:
    """Refuse what is no code of a language.

    Raises:
        OptionsError: with the code that was meant, where the name or locale of a language was given.
    """
    if code not in LANGUAGES:
        meant = find_language(code) if isinstance(code, str) else None
        hint = f" (it is {meant!r} here)" if meant else ""
        raise OptionsError(
            f"no language has the code {code!r}{hint}; hybrid_tok.core.languages.LANGUAGES lists all {len(LANGUAGES)}"
        )


def find_language(name: str) -> str | None:
    """The code of a language that other programs name: "en", "English", "en-US", "zh_CN"; None for an unknown one."""
    lowered = name.strip().lower()
    for code, english in LANGUAGES.items():
        if lowered == english.lower():
            return code
    primary = lowered.replace("_", "-").split("-")[0]
    primary = _OTHER_CODES.get(primary, primary)
    return primary if primary in LANGUAGES else None


def writes_spaces(language: str | None) -> bool:
    """Whether words are written with spaces between them; yes where the language is not known."""
    return language not in UNSPACED_LANGUAGES
