"""What a cell can be that names a person or an organisation by itself, by pattern and checksum.

A checksum alone says little: one 16-digit number of ten passes Luhn's, one 18-digit number of
eleven that of a resident's number. So each pattern asks for all that its standard fixes (prefix,
date, place, length), and what only a checksum tells (cards) for every cell of the column.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Pattern:
    """One kind of direct identifier.

    ``whole`` says whether a text is one; ``within`` finds candidates in longer texts (None: such
    texts are not searched, since chance finds too many). ``every``: a column counts only where all
    of its cells match.
    """

    kind: str
    whole: Callable[[str], bool]
    within: re.Pattern[str] | None = None
    every: bool = False

    def is_in(self, text: str) -> bool:
        """Whether one stands in a longer text."""
        if self.within is None:
            return False
        return any(self.whole(hit.group()) for hit in self.within.finditer(text))


_EMAIL = (
    r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_RESIDENT = (
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])\d{4}"  # province and place, GB/T 2260
    r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"
)
_MOBILE = r"(?:\+?86[- ]?)?1[3-9]\d{9}"
_LANDLINE = r"0\d{2,3}-\d{7,8}"
_ABROAD = r"\+[1-9](?:[ ().-]?\d){6,14}"
_IBAN = r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}"
_ORGANISATION = r"[1-9A-Y][1-9]\d{6}[0-9A-HJ-NP-RTUW-Y]{10}"
_SSN = r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}"


def is_email(text: str) -> bool:
    """An address as RFC 5321 writes most of them: a dotted domain, no quoted part."""
    return re.fullmatch(_EMAIL, text) is not None


def is_phone(text: str) -> bool:
    """A Chinese mobile or landline number, or any with its country's prefix and a plus sign
    (ITU-T E.164: at most 15 digits)."""
    known = any(re.fullmatch(p, text) for p in (_MOBILE, _LANDLINE, _ABROAD))
    return known and len(_digits(text)) <= 15


def is_resident_id(text: str) -> bool:
    """A Chinese resident's number, GB 11643-1999: province and place, date of birth, order, check
    character.

    >>> is_resident_id("11010519491231002X"), is_resident_id("11010519491331002X")
    (True, False)
    """
    if re.fullmatch(_RESIDENT, text) is None:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=False))
    return text[17].upper() == "10X98765432"[total % 11]


_WEIGHTS = tuple(2**place % 11 for place in range(17, 0, -1))  # ISO 7064, MOD 11-2


def is_organisation_code(text: str) -> bool:
    """A Chinese unified social credit code, GB 32100-2015.

    >>> is_organisation_code("91110000600037341L"), is_organisation_code("91110000600037342L")
    (True, False)
    """
    if re.fullmatch(_ORGANISATION, text) is None:
        return False
    values = [_BASE_31.index(c) for c in text]
    total = sum(v * pow(3, place, 31) for place, v in enumerate(values[:17]))
    return values[17] == -total % 31


_BASE_31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def is_iban(text: str) -> bool:
    """An account number by ISO 13616: its country's length, and 1 modulo 97.

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB82WEST12345698765433")
    (True, False)
    """
    packed = text.replace(" ", "")
    if re.fullmatch(_IBAN, packed) is None or _IBAN_LENGTHS.get(packed[:2]) != len(packed):
        return False
    return int("".join(str(int(c, 36)) for c in packed[4:] + packed[:4])) % 97 == 1


# Lengths in the registry of ISO 13616.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FI FK FO GL NL SD",
        "19": "MK SI",
        "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV",
        "22": "BG BH CR DE GB GE IE ME RS VA",
        "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG",
        "25": "LY PT ST",
        "26": "IS TR",
        "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HU LB NI PL SV",
        "29": "BR EG PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}


def is_card(text: str) -> bool:
    """A payment card's number, ISO/IEC 7812: an issuer's prefix, its length, and Luhn's check.

    >>> is_card("4111 1111 1111 1111"), is_card("4111111111111112"), is_card("9111111111111111")
    (True, False, False)
    """
    packed = re.sub(r"(?<=\d)[ -](?=\d)", "", text)
    if re.fullmatch(r"\d{13,19}", packed) is None or not _is_issued(packed):
        return False
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(packed))]
    return sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _is_issued(number: str) -> bool:
    length, two, four = len(number), int(number[:2]), int(number[:4])
    return (
        (number[0] == "4" and length in (13, 16, 19))
        or ((51 <= two <= 55 or 2221 <= four <= 2720) and length == 16)
        or (two in (34, 37) and length == 15)
        or (two == 62 and 16 <= length <= 19)
    )


def is_social_security(text: str) -> bool:
    """A United States social security number, written with its hyphens."""
    return re.fullmatch(_SSN, text) is not None


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _between(pattern: str, marks: str = r"\w") -> re.Pattern[str]:
    """The pattern where no letter or digit touches it."""
    return re.compile(rf"(?<![{marks}]){pattern}(?![{marks}])")


# The first that fits is the column's; kinds have their words in ``audit/words/reasons.json``.
PATTERNS: tuple[Pattern, ...] = (
    Pattern("email", is_email, _between(_EMAIL, r"\w.@")),
    Pattern("resident-id", is_resident_id, _between(_RESIDENT)),
    Pattern("iban", is_iban, _between(_IBAN)),
    Pattern("organisation", is_organisation_code),
    Pattern("social-security", is_social_security, _between(_SSN, r"\w-")),
    Pattern("phone", is_phone, _between(rf"(?:{_ABROAD}|{_MOBILE}|{_LANDLINE})", r"\w+.-")),
    Pattern("card", is_card, every=True),
)
