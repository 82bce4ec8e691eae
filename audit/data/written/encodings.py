"""In which encoding bytes that are no UTF-8 may be text: told by how plausible the text is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# Tried in this order: of two that read alike, the first is suggested.
_CANDIDATES = (
    "cp1252",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "cp1250",
    "cp1251",
    "koi8-r",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "iso8859-2",
)
_MOST = 1 << 18  # bytes that are looked at
_LEAST = 0.5  # a text below it is none
_CLOSE = 0.9  # share of the best score from which another is named too
_WESTERN = frozenset("àâäáãåæçéèêëíìîïñóòôöõøœúùûüÿßÀÂÄÁÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØŒÚÙÛÜŸ")
_CENTRAL = frozenset("ąćčďđęěłľńňóőřśšťůűýźżžáéíöüäôĄĆČĎĘĚŁĽŃŇÓŐŘŚŠŤŮŰÝŹŻŽÁÉÍÖÜÄÔ")
_TURKISH = frozenset("ğışçöüĞİŞÇÖÜâî")
_OWN = {"cp1252": _WESTERN, "cp1250": _CENTRAL, "iso8859-2": _CENTRAL, "cp1254": _TURKISH}
# Letters that Russian, Ukrainian and Bulgarian do without, which other bytes often look like.
_RARE = frozenset("ЎўЈјЅѕЂЃЉЊЌЋЏђѓљњќћџ")
_SIGNS = frozenset("–—‘’“”„‚…•€£§°«»™©®·´")
# Lead bytes of the characters that the standard lists as common, by encoding.
_COMMON = {
    "gb18030": range(0xB0, 0xD8),
    "big5": range(0xA4, 0xC7),
    "shift_jis": range(0x88, 0x98),
    "euc-jp": range(0xB0, 0xD0),
    "euc-kr": range(0xB0, 0xC9),
}
# Characters that most tables of people or texts hold, in simplified and traditional writing.
_FREQUENT = {
    "gb18030": "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年"
    "生自会那后"
    "男女否未知性别姓名龄汉族省市区县号码民职业学历高低收入已婚北京上海张王李刘陈杨赵黄周吴"
    "日月通过拒绝"
    "医护师士司机老学教员工程经理销售会计律务农警察厨服客管技术设研究助保安快递"
    "中文科硕博本初专离丧偶未满以上元万千百十个是非好的对错真假无其他男性女性"
    "国语种族裔信仰残疾健康良优差等级第一二三四五六七八九零",
    "big5": "的一是不了人我在有他這為之大來以個中上們到說國和地也子時道出而要於就下得可你年"
    "生自會那後"
    "男女否未知性別姓名齡漢族省市區縣號碼民職業學歷高低收入已婚台臺北灣張王李劉陳楊趙黃周吳"
    "日月通過拒絕",
    "shift_jis": "男女性別名前年月日東京都市県区人大小中上下有無合否不明会社員学生高低本国山川田島",
    "euc-jp": "男女性別名前年月日東京都市県区人大小中上下有無合否不明会社員学生高低本国山川田島",
    "euc-kr": "이다는의가을에하고지사로서나도기자대한여남성별아시정보국학교인"
    "년월일김박최구부산울없음네오",
}
_SCRIPT_OF = {
    "cp1251": "CYRILLIC",
    "koi8-r": "CYRILLIC",
    "cp1253": "GREEK",
    "cp1255": "HEBREW",
    "cp1256": "ARABIC",
}


@dataclass(frozen=True)
class Guess:
    """An encoding, and the first line that it reads otherwise than UTF-8 would."""

    encoding: str
    line: int
    text: str


def guesses(raw: bytes) -> tuple[Guess, ...]:
    """The likeliest encoding of bytes that are no UTF-8 text, and one more where it is close; none
    where nothing reads as text.

    >>> [g.encoding for g in guesses("Müller – Köln".encode("cp1252"))]
    ['cp1252']
    >>> [g.encoding for g in guesses("sex,y\\n女,1\\n男,0\\n".encode("gb18030"))][0]
    'gb18030'
    """
    wide = wide_encoding(raw)
    if wide is not None:
        return (_guess(raw, wide),)
    part = raw[:_MOST]
    scored = [(_score(part, name), -place) for place, name in enumerate(_CANDIDATES)]
    ranked = sorted(((s, p) for s, p in scored if s >= _LEAST), reverse=True)
    close = [-place for score, place in ranked[:2] if score >= _CLOSE * ranked[0][0]]
    found = [_guess(raw, _named(raw, _CANDIDATES[place])) for place in close]
    return tuple(g for i, g in enumerate(found) if not any(g.text == o.text for o in found[:i]))


def _named(raw: bytes, encoding: str) -> str:
    """Windows-1252 without any of its own characters is latin-1 as well."""
    own = any(0x80 <= byte < 0xA0 for byte in raw)
    return "latin-1" if encoding == "cp1252" and not own else encoding


def wide_encoding(raw: bytes) -> str | None:
    """UTF-16 without a mark at its start: every other byte of most of it is zero."""
    part = raw[: _MOST - _MOST % 2]
    if len(part) < 4 or not part.count(0):
        return None
    even, odd = part[::2].count(0), part[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    if max(even, odd) < 0.3 * (len(part) // 2) or min(even, odd) > 0.02 * len(part):
        return None
    try:
        raw.decode(name)
    except UnicodeDecodeError:
        return None
    return name


def _guess(raw: bytes, encoding: str) -> Guess:
    text = raw.decode(encoding, "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.isascii():
            return Guess(encoding, number, line.strip()[:60])
    return Guess(encoding, 1, text.strip().split("\n")[0][:60])


def _score(part: bytes, encoding: str) -> float:
    """How plausible the characters beyond ASCII are, from 0 to 1; 0 for bytes that are none."""
    try:
        text = part.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(part) - 4:
            return 0.0
        text = part[: error.start].decode(encoding)  # a character was cut at the end
    if any(unicodedata.category(c) in ("Cc", "Cn", "Co") and c not in "\r\n\t" for c in text):
        return 0.0
    weights = [_weight(text, place, encoding) for place, c in enumerate(text) if not c.isascii()]
    return sum(weights) / len(weights) if weights else 0.0


def _weight(text: str, place: int, encoding: str) -> float:
    """How likely one character stands where it does, from 0 to 1."""
    character = text[place]
    before, after = text[place - 1 : place] or " ", text[place + 1 : place + 2] or " "
    if encoding in _COMMON:
        return _eastern(character, encoding)
    if character == "\u00a0" and before.isdigit() and after.isdigit():
        return 0.9  # parts thousands
    if character in _RARE:
        return 0.3
    if encoding in _SCRIPT_OF:
        is_own = unicodedata.name(character, "").startswith(_SCRIPT_OF[encoding])
        if not is_own:
            return 0.5 if character in _SIGNS else 0.0
        if any(c.isalpha() and c.isascii() for c in (before, after)):
            return 0.1  # letters of two scripts in one word
        alone = not any(c.isalpha() and not c.isascii() for c in (before, after))
        if character.isupper() and before.isalpha():
            return 0.6 if before.isupper() else 0.1
        return 0.4 if alone else 0.95
    if character in _SIGNS:
        return 0.8
    if character not in _OWN[encoding]:
        return 0.3 if character == "\u00a0" else 0.1
    if before.islower() and character.isupper():
        return 0.2
    beside = sum(c.isascii() and c.isalpha() for c in (before, after))
    run = sum(c.isalpha() and not c.isascii() for c in (before, after))
    own = 1.0 if encoding == "cp1252" else 0.97
    if run and encoding != "cp1252" and character.islower():
        return 0.75  # Polish, Czech and Turkish have several of them in a row
    return own if beside == 2 else 0.9 * own if beside and not run else 0.6 if not run else 0.35


def _eastern(character: str, encoding: str) -> float:
    raw = character.encode(encoding)
    name = unicodedata.name(character, "")
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return 0.9 if encoding in ("shift_jis", "euc-jp") else 0.1
    if name.startswith("HANGUL"):
        frequent = character in _FREQUENT["euc-kr"]
        return (1.0 if frequent else 0.75) if encoding == "euc-kr" else 0.05
    if character in _FREQUENT[encoding]:
        return 1.0
    if character in _SIGNS and len(raw) == 2:
        return 0.8
    if len(raw) == 2 and raw[0] in _COMMON[encoding]:
        if encoding == "gb18030" and raw[1] >= 0xA1:
            return 0.8
        return 0.75 if raw[1] >= 0xA1 or encoding in ("big5", "shift_jis") else 0.3
    is_mark = name.startswith(("FULLWIDTH", "IDEOGRAPHIC", "CJK UNIFIED"))
    return 0.3 if is_mark and len(raw) == 2 else 0.05
