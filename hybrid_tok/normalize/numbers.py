"""Numbers as English speakers say them."""

from __future__ import annotations

from typing import TypeAlias

Spoken: TypeAlias = tuple[str, ...]
"""One way of saying something: lower-case words."""

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth"},
    **{"eight": "eighth", "nine": "ninth", "twelve": "twelfth"},
}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def cardinal(number: int, joint: str = "") -> Spoken:
    """ "one hundred five"; with the joint "and", "one hundred and five". Beyond the scales, digit by digit."""
    if number >= 1000 ** len(SCALES):
        return digits(str(number))
    if number < 20:
        return (ONES[number],)
    words: list[str] = []
    for power in range(len(SCALES) - 1, -1, -1):
        group = number // 1000**power % 1000
        if not group:
            continue
        hundreds, rest = divmod(group, 100)
        if hundreds:
            words += [ONES[hundreds], "hundred"]
        if rest:
            if words and joint and (hundreds or power == 0):
                words.append(joint)
            words += below_hundred(rest)
        if power:
            words.append(SCALES[power])
    return tuple(words)


def below_hundred(number: int) -> Spoken:
    """0 to 99."""
    if number < 20:
        return (ONES[number],)
    return (TENS[number // 10], *((ONES[number % 10],) if number % 10 else ()))


def ordinal(number: int, joint: str = "") -> Spoken:
    """ "twenty first"."""
    *before, last = cardinal(number, joint)
    return (*before, _ORDINALS.get(last, f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"))


def digits(text: str, zero: str = "zero") -> Spoken:
    """Digit by digit."""
    return tuple(zero if digit == "0" else ONES[int(digit)] for digit in text)


def pairs(number: int) -> tuple[Spoken, ...]:
    """A number of three or four digits as years, houses and flights are said: "nineteen eighty four", "two oh five"."""
    high, low = divmod(number, 100)
    first = below_hundred(high)
    if low == 0:
        return ((*first, "hundred"),)
    if low < 10:
        return ((*first, "oh", ONES[low]), (*first, "o", ONES[low]))
    return ((*first, *below_hundred(low)),)


def integer(text: str) -> tuple[Spoken, ...]:
    """All common ways of saying a string of digits, the likeliest first."""
    number = int(text)
    plain = _both(number)
    if text.startswith("0") and len(text) > 1:
        return (digits(text), digits(text, "oh"), *plain)
    if len(text) == 4 and (1100 <= number < 2000 or 2010 <= number < 2100):
        return (*pairs(number), *plain, digits(text))
    if len(text) in (3, 4):
        return (*plain, *(pairs(number) if number % 1000 else ()), digits(text), digits(text, "oh"))
    if len(text) > 4:
        return (*plain, digits(text), digits(text, "oh"))
    return (*plain, ("oh",)) if number == 0 else plain


def _both(number: int) -> tuple[Spoken, ...]:
    """With and without "and", with "a" for "one" where people say so."""
    ways = [cardinal(number), cardinal(number, "and")]
    if number >= 100 and ways[0][0] == "one":
        ways += [("a", *way[1:]) for way in ways]
    return tuple(dict.fromkeys(ways))


def decimal(whole: str, fraction: str) -> tuple[Spoken, ...]:
    """ "three point one four"."""
    ways = [(*_both(int(whole or "0"))[0], "point", *digits(fraction, zero)) for zero in ("zero", "oh")]
    if int(whole or "0") == 0:
        ways.append(("point", *digits(fraction)))
    if len(fraction) == 2 and fraction[0] != "0":
        ways.append((*cardinal(int(whole or "0")), "point", *below_hundred(int(fraction))))
    return tuple(dict.fromkeys(ways))


def roman(text: str) -> int | None:
    """The value of a Roman numeral below 4000 in its usual form; None for anything else."""
    values = [_ROMAN.get(letter, 0) for letter in text]
    if not values or 0 in values:
        return None
    total = sum(-v if v < max(values[i + 1 :], default=0) else v for i, v in enumerate(values))
    return total if _to_roman(total) == text else None


def _to_roman(number: int) -> str:
    parts = (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")
    out = ""
    for value, letters in (*parts, (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):
        while number >= value:
            out, number = out + letters, number - value
    return out
