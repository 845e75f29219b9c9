"""One written token to the ways it may be said.

The text alone does not show whether "1984" was read as a year or as a number. So every common reading is
given, and the alignment to the audio chooses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import product

from hybrid_tok.normalize import numbers
from hybrid_tok.normalize.numbers import Spoken
from hybrid_tok.normalize.tables import ABBREVIATIONS, ALWAYS, CURRENCIES, INSIDE, MONTHS, SYMBOLS, UNITS

MAX_WAYS = 12
"""Readings kept of a token."""

Ways = tuple[Spoken, ...]

_OPENING = "([{<\"'“‘„«‹¿¡*_~`"
_CLOSING = ")]}>\"'”’»›,;:!?…*_~`"
_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"


def ways_of(token: str, shouted: bool = False) -> Ways:
    """Readings of a token without space in it, the likeliest first; empty where nothing of it is said.

    Args:
        shouted: the text around is all in capitals, so that capitals do not mean initials.
    """
    core = token.lstrip(_OPENING).rstrip(_CLOSING + ".") if any(map(str.isalnum, token)) else token
    full = token.lstrip(_OPENING).rstrip(_CLOSING)  # with the full stop of an abbreviation
    if token[:1] in "'’" and core:
        short = f"'{core}"
        if core.lower() in ("em", "til", "tis", "twas", "cause", "bout", "round", "course", "n"):
            return ((short.lower(),),)
        if re.fullmatch(r"\d\ds", core):
            core = short
    for rule in _RULES:
        found = rule(core, full, shouted)
        if found is not None:
            return _few(found)
    return ()


def _few(ways: Iterable[Spoken]) -> Ways:
    return tuple(dict.fromkeys(way for way in ways if way))[:MAX_WAYS]


def _joined(parts: Sequence[Ways]) -> Ways:
    """One after the other, in all combinations, up to a limit."""
    said = [part for part in parts if part]
    while said and _count(said) > 4 * MAX_WAYS:
        longest = max(range(len(said)), key=lambda i: len(said[i]))
        said[longest] = said[longest][:-1]
    return _few(tuple(word for part in way for word in part) for way in product(*said)) if said else ()


def _count(parts: Sequence[Ways]) -> int:
    total = 1
    for part in parts:
        total *= len(part)
    return total


def _symbols(core: str, full: str, shouted: bool) -> Ways | None:
    if any(map(str.isalnum, core)) and core not in SYMBOLS:
        return None
    return _joined([SYMBOLS[char] for char in core if char in SYMBOLS])


def _abbreviation(core: str, full: str, shouted: bool) -> Ways | None:
    key = core.lower()
    if key not in ABBREVIATIONS or not (full.endswith(".") or key in ALWAYS):
        return None
    ways = ABBREVIATIONS[key]
    return ways if "." in key else (*ways, (key,))


def _initialism(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(r"((?:[^\W\d_]\.)+[^\W\d_]?)('s|s)?", core)
    if match is None and not (re.fullmatch(r"[A-Z]", core) and full.endswith(".")):
        return None
    letters, suffix = (match[1], match[2] or "") if match else (core, "")
    return (_initials(letters.replace(".", ""), suffix),)


def _initials(letters: str, suffix: str = "") -> Spoken:
    """Letters by their names, written "a." as the dictionary has them."""
    named = [f"{letter.lower()}." for letter in letters]
    if suffix:
        named[-1] += "'s"
    return tuple(named)


def _address(core: str, full: str, shouted: bool) -> Ways | None:
    if not re.fullmatch(
        r"(https?://\S+|www\.\S+|\S+@\S+\.\S+|[\w-]+(\.[\w-]+)*\.(com|org|net|edu|gov|io|ai|uk|de)\S*)", core
    ):
        return None
    parts = re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", re.sub(r"^https?://", "", core))
    said = [INSIDE.get(part) or SYMBOLS.get(part) or ways_of(part) for part in parts]
    return _joined([((("w.",) * 3),) if part == "www" else ways for part, ways in zip(parts, said, strict=True)])


def _time(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?:([ap])\.?m)?", core.lower())
    if match is None:
        return None
    hours = numbers.cardinal(int(match[1]))
    minute = int(match[2])
    if minute == 0:
        ways: list[Spoken] = [hours, (*hours, "o'clock"), (*hours, "hundred")]
    elif minute < 10:
        ways = [(*hours, "oh", numbers.ONES[minute]), (*hours, numbers.ONES[minute])]
    else:
        ways = [(*hours, *numbers.below_hundred(minute))]
    if minute in (15, 30):
        ways.append(("quarter" if minute == 15 else "half", "past", *hours))
    if match[3]:
        ways = [(*way, *tail, *numbers.cardinal(int(match[3]))) for way in ways for tail in ((), ("and",))]
    return tuple((*way, *((f"{match[4]}.", "m.") if match[4] else ())) for way in ways)


def _money(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(rf"(us\$|[$£€¥₹])({_NUMBER})?(?:\.(\d+))?(k|m|bn?|tn)?", core.lower())
    if match is None or not (match[2] or match[3]):
        return None
    one, many, cent, cents = CURRENCIES[match[1]]
    whole = (match[2] or "0").replace(",", "")
    fraction = match[3]
    if match[4]:
        return _joined([_number_ways(whole, fraction), UNITS[match[4]][:1], ((many,),)])
    if fraction is None:
        amount = _number_ways(whole, None)
        return tuple((*way, one if whole == "1" else many) for way in amount)
    ways: list[Spoken] = [(*way, many) for way in numbers.decimal(whole, fraction)]
    if len(fraction) == 2:
        big = (*numbers.cardinal(int(whole)), one if whole == "1" else many) if int(whole) else ()
        small = numbers.cardinal(int(fraction)) if int(fraction) else ()
        named = (*small, cent if int(fraction) == 1 else cents) if small else ()
        parted = [(*big, *named), (*big, "and", *named), (*big, *small)] if big else [named]
        short = [(*numbers.cardinal(int(whole)), *numbers.below_hundred(int(fraction)))] if big and small else []
        ways = [*parted, *short, *ways]
    return tuple(way for way in ways if way)


def _quantity(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(rf"([-−+±~<>]?)({_NUMBER})?(?:\.(\d+))?([^\d\s.,-][^\d\s]*)?", core.lower())
    if match is None or not (match[2] or match[3]):
        return None
    unit = match[4] or ""
    if unit and unit not in UNITS:
        return None
    sign = {"": (), "-": (("minus",), ("negative",)), "+": (("plus",),)}.get(match[1], SYMBOLS.get(match[1], ()))
    return _joined([sign, _number_ways(match[2] or "0", match[3]), UNITS.get(unit, ())])


def _number_ways(whole: str, fraction: str | None) -> Ways:
    plain = whole.replace(",", "")
    if fraction is not None:
        return numbers.decimal(plain, fraction)
    return numbers.integer(plain) if "," not in whole else numbers.integer(plain)[:3]


def _ordinal(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(rf"({_NUMBER})(?:st|nd|rd|th)", core.lower())
    if match is None:
        return None
    number = int(match[1].replace(",", ""))
    return numbers.ordinal(number), numbers.ordinal(number, "and")


def _decade(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(r"['’]?(\d\d)?(\d\d)['’]?s", core)
    if match is None:
        return None
    tens = numbers.below_hundred(int(match[2])) if int(match[2]) else ("hundred",)
    before = numbers.below_hundred(int(match[1])) if match[1] else ()
    if match[1] and int(match[1]) % 10 == 0 and match[2] == "00":
        before, tens = (), numbers.cardinal(int(match[1]) * 100)
    last = tens[-1]
    return ((*before, *tens[:-1], f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"),)


def _date(core: str, full: str, shouted: bool) -> Ways | None:
    iso = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", core)
    slashed = re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d\d)", core)
    if iso:
        year, orders = iso[1], [(int(iso[2]), int(iso[3]))]
    elif slashed:
        year, orders = slashed[3], [(int(slashed[1]), int(slashed[2])), (int(slashed[2]), int(slashed[1]))]
    else:
        return None
    ways: list[Spoken] = []
    for month, day in orders:
        if 1 <= month <= 12 and 1 <= day <= 31:
            said = numbers.integer(year)[0]
            ways.append((MONTHS[month - 1], *numbers.ordinal(day), *said))
            ways.append(("the", *numbers.ordinal(day), "of", MONTHS[month - 1], *said))
            ways.append((*numbers.cardinal(month), *numbers.cardinal(day), *said))
    return tuple(ways) or None


def _fraction(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(r"(?:(\d+)[ -])?(\d{1,2})/(\d{1,3})", core)
    if match is None or int(match[3]) < 2:
        return None
    top, bottom = int(match[2]), int(match[3])
    plural = "s" if top != 1 else ""
    names = {2: ["half" if top == 1 else "halves"], 4: [f"quarter{plural}", f"fourth{plural}"]}
    *front, last = numbers.ordinal(bottom)
    below = [(name,) for name in names.get(bottom, [])] or [(*front, last + plural)]
    ways = [(*numbers.cardinal(top), *name) for name in below]
    ways += [("a", *name) for name in below if top == 1]
    ways += [(*numbers.cardinal(top), over, *numbers.cardinal(bottom)) for over in ("over", "out of", "slash")]
    return tuple(tuple(word for part in way for word in part.split()) for way in ways)


def _span(core: str, full: str, shouted: bool) -> Ways | None:
    """Ranges, scores and telephone numbers: digits with dashes between."""
    parts = re.split(r"[-–—−]", core)
    if len(parts) < 2 or not all(re.fullmatch(rf"(?:{_NUMBER})(?:\.\d+)?", part) for part in parts):
        return None
    ways = _joined([numbers.integer(part.replace(",", "")) if "." not in part else ways_of(part) for part in parts])
    if len(parts) > 2 or any(len(part) == 3 for part in parts):
        spelled = [numbers.digits("".join(filter(str.isdigit, core)), zero) for zero in ("zero", "oh")]
        return (*spelled, *ways)
    first, second = (ways_of(part) for part in parts)
    return (*_joined([first[:3], (("to",),), second[:3]]), *ways)


def _roman(core: str, full: str, shouted: bool) -> Ways | None:
    value = numbers.roman(core) if len(core) > 1 and not shouted else None
    if value is None or core == "MIX":
        return None
    return (
        numbers.cardinal(value),
        ("the", *numbers.ordinal(value)),
        numbers.ordinal(value),
        _initials(core),
        (core.lower(),),
    )


def _compound(core: str, full: str, shouted: bool) -> Ways | None:
    """Parts joined by dashes, slashes, symbols, or a change from letters to digits."""
    parts = re.findall(
        r"[^\W\d_]+(?:['’.][^\W\d_]+)*['’]?|[\d]+(?:[.,]\d+)*(?:st|nd|rd|th)?(?![a-zA-Z])|\d+|[^\w\s]|_", core
    )
    if len(parts) < 2:
        return None
    said: list[Ways] = []
    for part in parts:
        if any(map(str.isalnum, part)):
            said.append(ways_of(part, shouted))
        elif part == "/":
            said.append(((), ("slash",), ("or",)))
        elif part in SYMBOLS and part not in "*_~|<>":
            said.append(SYMBOLS[part])
    return _joined(said)


def _capitals(core: str, full: str, shouted: bool) -> Ways | None:
    match = re.fullmatch(r"([A-Z]{2,6})(['’]?s)?", core)
    if match is None or shouted:
        return None
    suffix = "'s" if match[2] else ""
    spelled = _initials(match[1], suffix)
    word = (match[1].lower() + suffix,)
    return (word, spelled) if re.search("[AEIOUY]", match[1]) else (spelled, word)


def _camel(core: str, full: str, shouted: bool) -> Ways | None:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", core)
    if len(parts) < 2 or "".join(parts) != core:
        return None
    return ((core.lower(),), *_joined([ways_of(part) for part in parts]))


def _word(core: str, full: str, shouted: bool) -> Ways | None:
    plain = core.lower().replace("’", "'").replace(".", "")
    return ((plain,),) if plain else None


_RULES: tuple[Callable[[str, str, bool], Ways | None], ...] = (
    *(_symbols, _abbreviation, _initialism, _address, _time, _money, _decade, _ordinal, _date, _fraction, _quantity),
    *(_span, _roman, _capitals, _compound, _camel, _word),
)
