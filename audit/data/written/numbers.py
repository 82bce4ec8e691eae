"""What a number looks like: plain, or with a decimal comma, thousands signs, a currency, per cent.

Plain numbers are read as numbers wherever they come. Any other is a text that looks like a number:
it is noticed, and read as one where the decimal sign or the column's type is declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

DecimalSign = Literal[".", ","]

# What a plain number looks like, also for DuckDB, whose own cast is as lenient as Python's.
NUMBER_PATTERN = (
    r"[ \t]*[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)[ \t]*"
)
_NUMBER = re.compile(NUMBER_PATTERN)
_BLANKS = " \u00a0\u2009\u202f"
THOUSANDS = {".": (",", "'", "\u2019", *_BLANKS), ",": (".", "'", "\u2019", *_BLANKS)}
_MARKS = "".join(sorted({sign for signs in THOUSANDS.values() for sign in signs}))
_CODES = (
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN NOK NZD PLN RMB RUB SEK "
    "SGD THB TRY TWD USD ZAR"
)
_CURRENCY = rf"[$€£¥₹₽₩₺₫₦₴₪฿元]|[A-Z]{{1,2}}\$|{_CODES.replace(' ', '|')}|kr\.?|zł|Kč|Fr\."
_DRESS = re.compile(
    rf"\s*(?P<open>\()?\s*(?P<sign>[+\-\u2212])?\s*(?P<before>{_CURRENCY})?\s*"
    rf"(?P<sign2>[+\-\u2212])?(?P<core>[0-9.,][0-9{re.escape(_MARKS)}.,]*?(?:[eE][+-]?[0-9]+)?)\s*"
    rf"(?P<percent>%|\uff05)?\s*(?P<after>{_CURRENCY})?\s*(?P<close>\))?\s*"
)


def _grammar(decimal: DecimalSign) -> str:
    """Numbers without a sign that have this decimal sign, maybe with thousands signs, as a regular
    expression of Python and of DuckDB. No leading zeros: those are codes."""
    grouped = [rf"[1-9][0-9]{{0,2}}(?:{re.escape(sign)}[0-9]{{3}})+" for sign in THOUSANDS[decimal]]
    if decimal == ".":
        grouped.append(r"[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}")  # lakhs and crores
    whole = "|".join([*grouped, "0", "[1-9][0-9]*"])
    point = re.escape(decimal)
    return rf"(?:(?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


GRAMMAR: dict[DecimalSign, str] = {".": _grammar("."), ",": _grammar(",")}
_GRAMMAR = {sign: re.compile(text) for sign, text in GRAMMAR.items()}
_SIGNED = {sign: re.compile(rf"\s*([+-]?)({text})\s*") for sign, text in GRAMMAR.items()}


def plain_number(text: str) -> float | None:
    """The plain decimal number that a text is; None for anything else.

    >>> [plain_number(t) for t in ("1.50", "1_0", "1,5")]
    [1.5, None, None]
    """
    return float(text) if _NUMBER.fullmatch(text) else None


def signed_pattern(decimal: DecimalSign) -> str:
    """A regular expression of numbers with this decimal sign, for DuckDB."""
    return rf"[ \t]*[+-]?(?:{GRAMMAR[decimal]})[ \t]*"


def number_with(text: str, decimal: DecimalSign) -> float | None:
    """The number that a text is by this decimal sign, thousands signs taken out; None for others.

    >>> number_with("1.234,5", ","), number_with("1,234.5", "."), number_with("0.5", ",")
    (1234.5, 1234.5, None)
    """
    found = _SIGNED[decimal].fullmatch(text)
    return None if found is None else float(found[1] + _bare(found[2], decimal))


def _bare(core: str, decimal: DecimalSign) -> str:
    for sign in THOUSANDS[decimal]:
        core = core.replace(sign, "")
    return core.replace(decimal, ".")


@dataclass(frozen=True)
class Dressed:
    """A number in other clothes: what it is without them, and what they are."""

    core: str
    is_negative: bool
    percent: bool
    currency: str

    def value(self, decimal: DecimalSign) -> float | None:
        """The number, by this decimal sign: of 12 % it is 0.12."""
        if _GRAMMAR[decimal].fullmatch(self.core) is None:
            return None
        number = float(_bare(self.core, decimal))
        # dividing gives the float nearest to the decimal; 0.01 * 7 would not
        number = number / 100 if self.percent else number
        return -number if self.is_negative else number


def dressed(text: str) -> Dressed | None:
    """The parts of a text that looks like a number; None for any other.

    >>> dressed("(€ 1.234,50)").value(","), dressed("12 %").value("."), dressed("a1")
    (-1234.5, 0.12, None)
    """
    found = _DRESS.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    if (found["before"] and found["after"]) or (found["sign"] and found["sign2"]):
        return None
    core = found["core"].rstrip(_BLANKS)
    if not any(_GRAMMAR[sign].fullmatch(core) for sign in _GRAMMAR):
        return None
    is_negative = bool(found["open"]) or (found["sign"] or found["sign2"] or "+") != "+"
    currency = found["before"] or found["after"] or ""
    return Dressed(core, is_negative, bool(found["percent"]), currency)


@dataclass(frozen=True)
class Disguise:
    """Why a column of numbers is none by its cells: what they wear.

    ``decimal`` is the decimal sign that all of them agree with, None where both would do ("1,234")
    and it has to be declared. ``of`` are the cells that look like numbers.
    """

    decimal: DecimalSign | None
    wears: tuple[str, ...]
    of: frozenset[str]


def disguise(cells: Iterable[str], *, least: float = 1.0) -> Disguise | None:
    """What distinct texts wear that are numbers but for it; None for plain ones and no numbers.

    ``least`` is the share of the cells that have to look like numbers.

    >>> disguise(["0,66", "1.200,5"]).decimal, disguise(["1,234", "5"]).wears, disguise(["a"])
    (',', ('thousands-or-decimal',), None)
    """
    known = list(cells)
    parts = {text: found for text in known if (found := dressed(text)) is not None}
    if not known or not parts or len(parts) < least * len(known):
        return None
    if any(re.match(r"\s*[+-]?0[0-9]", text) for text in parts):  # codes
        return None
    fits: list[DecimalSign] = [
        sign for sign in (".", ",") if all(_GRAMMAR[sign].fullmatch(p.core) for p in parts.values())
    ]
    if not fits:
        return None
    decimal = fits[0] if len(fits) == 1 else None
    wears = tuple(sorted(_wears(parts.values(), decimal)))
    return Disguise(decimal, wears, frozenset(parts)) if wears else None


def _wears(parts: Iterable[Dressed], decimal: DecimalSign | None) -> set[str]:
    signs = set()
    for part in parts:
        if part.percent:
            signs.add("percent")
        if part.currency:
            signs.add("currency")
        marks = set(part.core) & set(_MARKS)
        if decimal is None:  # signs that both readings allow: 1,234, or € 1.234
            if "," in marks or ("." in marks and (part.currency or part.percent)):
                signs.add("thousands-or-decimal")
            elif marks - {"."}:
                signs.add("thousands")
            continue
        if decimal == "," and "," in part.core:
            signs.add("decimal-comma")
        if marks & set(THOUSANDS[decimal]):
            signs.add("thousands")
    return signs
