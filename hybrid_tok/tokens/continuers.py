"""Continuers: the words by which a listener says "go on" without taking the turn.

Yngve (1970, On getting a word in edgewise) called such utterances back-channels, Schegloff (1982, Discourse as an
interactional achievement) continuers; Clancy et al. (1996, The conversational use of reactive tokens in English,
Japanese, and Mandarin) compare languages. The lists are short: what is on them is seldom anything else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from types import MappingProxyType

from hybrid_tok.core.spacing import split_words

_BY_LANGUAGE: Mapping[str, str] = MappingProxyType(
    {
        "en": "ah, aha, all right, alright, cool, exactly, got it, gotcha, hm, huh, i see, indeed, m hm, mhm, mm, "
        "of course, oh, ok, okay, really, right, sure, true, uh huh, wow, ya, yeah, yep, yes, yup",
        "de": "ach, ach so, achso, aha, ah ja, genau, gut, hm, ja, jaja, jawohl, klar, mhm, na ja, okay, richtig, "
        "so so, stimmt, wirklich",
        "fr": "ah, ah bon, bien sûr, c'est ça, d'accord, exactement, hein, hum, mhm, ok, oui, ouais, tout à fait, "
        "voilà, vraiment",
        "es": "ah, ajá, bueno, claro, de acuerdo, exacto, mhm, sí, vale, ya, ya veo",
        "it": "ah, bene, certo, d'accordo, ecco, esatto, già, mhm, sì, va bene, vero",
        "pt": "ah, certo, claro, é, exato, isso, mhm, pois, pois é, sim, tá, tá bom",
        "nl": "ah, goed, hm, inderdaad, ja, juist, klopt, mhm, oké, precies, zeker",
        "sv": "ah, jaha, jo, just det, mhm, mm, okej, precis",
        "ru": "ага, ах, да, конечно, ладно, мгм, ну да, понятно, правда, так, точно, угу, хорошо, хм, ясно",
        "zh": "啊, 对, 對, 对啊, 哦, 噢, 喔, 嗯, 呃, 哎, 唉, 好, 好的, 是, 是啊, 是的, 真的, 没错, 明白, 行, 可以",
        "ja": "ああ, ええ, うん, そう, そうか, そうそう, そうです, そうですか, そうですね, そうだね, なるほど, はい, "
        "へえ, ふうん, ほんと, 本当",
        "ko": "그래, 그렇구나, 그렇지, 네, 맞아, 아, 아하, 어, 예, 응, 음",
    }
)


def _words(text: str) -> tuple[str, ...]:
    """The words of a text (characters in Chinese and Japanese): no case, no punctuation, a letter once in a row.

    So `Mmm-hmm!` and `mm hm` are the same.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    once = re.sub(r"([^\W\d_])\1+", r"\1", re.sub(r"[\W_]+", " ", folded))
    return split_words(once, "zh")


CONTINUERS: tuple[str, ...] = tuple(
    dict.fromkeys(one for listed in _BY_LANGUAGE.values() for one in listed.split(", "))
)
"""Continuers of twelve languages."""


class ContinuerSet:
    """Tells texts that are nothing but continuers.

    Args:
        continuers: words and phrases; case, punctuation and letters drawn out (`hmmm`) make no difference.
    """

    def __init__(self, continuers: Collection[str] = CONTINUERS) -> None:
        self._phrases = frozenset(filter(None, map(_words, continuers)))
        self._longest = max(map(len, self._phrases), default=0)

    def __contains__(self, text: str) -> bool:
        """Whether a text is one or several of them, and nothing else; a text without words is."""
        words = _words(text)
        reached = [True] + [False] * len(words)  # which prefixes are made of phrases
        for end in range(1, len(words) + 1):
            starts = range(max(0, end - self._longest), end)
            reached[end] = any(reached[start] and words[start:end] in self._phrases for start in starts)
        return reached[-1]
