"""What is odd about a column's cells as they were read: noticed, said with its remedy, not changed.

Numbers in disguise, values that mean none, texts that look alike, a column that counts the rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text
from evenhand.audit.data.types import is_marked, is_text
from evenhand.audit.data.written.declared import Reading, option
from evenhand.audit.data.written.numbers import disguise, dressed, plain_number
from evenhand.audit.reason import Reasons, because, listed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_TRIED = 200  # distinct texts of a column that are looked at first
_LEAST_SHARE = 0.9  # of a column's different texts that look like numbers
_FEW = 10  # different numbers, below which texts may be classes
_MOST_NAMES = 1_000  # different texts of a column that may be spellings of each other
# Texts that often stand for "nobody knows", folded (see ``_folded``).
_MEAN_NOTHING = frozenset(
    [
        "?",
        "-",
        "--",
        ".",
        "*",
        "#",
        "n/a",
        "na",
        "n.a.",
        "n.a",
        "#n/a",
        "none",
        "null",
        "nil",
        "nan",
        "missing",
        "unknown",
        "unkown",
        "undisclosed",
        "undefined",
        "unspecified",
        "unavailable",
        "unassigned",
        "blank",
        "empty",
        "tbd",
        "refused",
        "declined",
        "k.a.",
        "k. a.",
        "n. a.",
        "—",
        "–",
        "...",
        "#null!",
        "#value!",
        "unbekannt",
        "inconnu",
        "desconocido",
        "sconosciuto",
        "onbekend",
        "okänd",
        "未知",
        "不详",
        "不明",
        "未提供",
        "未填写",
        "无",
        "保密",
        "不願透露",
        "不愿透露",
    ]
) | {
    "(blank)",
    "(none)",
    "(unknown)",
    "<na>",
    "<unknown>",
    "declined to answer",
    "declined to state",
    "decline to answer",
    "decline to state",
    "do not know",
    "choose not to answer",
    "choose not to disclose",
    "chose not to answer",
    "i prefer not to say",
    "i do not wish to answer",
    "information not provided",
    "not entered",
    "not found",
    "not collected",
    "not asked",
    "not stated/unknown",
    "other/unknown",
    "race not available",
    "unknown/not reported",
    "sin respuesta",
    "ne se prononce pas",
    "möchte ich nicht sagen",
    "do not wish to disclose",
    "don't know",
    "keine angabe",
    "no answer",
    "no data",
    "no response",
    "not answered",
    "not applicable",
    "not available",
    "not disclosed",
    "not given",
    "not known",
    "not provided",
    "not recorded",
    "not reported",
    "not specified",
    "not stated",
    "prefer not to answer",
    "prefer not to disclose",
    "prefer not to say",
    "rather not say",
    "non renseigné",
    "no disponible",
    "sin datos",
    "wish not to answer",
}
# Numbers that often stand for "no value", where every other cell is far from them.
_CODES_BELOW = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0)
_CODES_ABOVE = (99.0, 999.0, 9999.0, 99999.0, 999999.0)


def noticed(frame: pd.DataFrame, reading: Reading, answers: Collection[str] = ()) -> Reasons:
    """What is odd about the columns of a table, each with what to declare. ``answers`` are the
    target and the predicted column, whose labels are spellings of the same."""
    said: Reasons = ()
    names = [str(c) for c in frame.columns]
    labels: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        if reading.types.get(name) == "text":
            continue
        if is_number(column):
            values = column.dropna().to_numpy(dtype=float)
            said += _codes(name, values) + _counts_rows(name, column)
        elif is_text(column):
            counts = {v: int(n) for v, n in column.value_counts().items() if isinstance(v, str)}
            if name in answers:
                labels[name] = counts
            said += noticed_texts(name, counts, reading, names, is_answer=name in answers)
    return said + alike_labels(labels)


def noticed_texts(
    name: str,
    counts: Mapping[str, int],
    reading: Reading,
    columns: Collection[str],
    *,
    is_answer: bool = False,
) -> Reasons:
    """What is odd about the texts of one column, given how often each occurs; spellings of labels
    (``is_answer``) are for ``alike_labels``."""
    declared = reading.marks_unknown(name, columns) | reading.marks_missing(name, columns)
    known = {text: n for text, n in counts.items() if not is_marked(text, declared)}
    if not known:
        return ()
    as_it_stands = reading.types.get(name) == "category" or is_answer
    in_numbers = () if as_it_stands else _numbers(name, known) or _plain_numbers(name, known)
    if in_numbers:
        return in_numbers
    return _nothings(name, known) + (() if is_answer else _alike(name, known, f"{name}:"))


def alike_labels(labels: Mapping[str, Mapping[str, int]]) -> Reasons:
    """Labels of target and predicted column that look alike: one word for all of them, since what
    one column calls "Yes" and the other "yes " has to be the same."""
    counts: dict[str, int] = {}
    for held in labels.values():
        for text, n in held.items():
            counts[text] = counts.get(text, 0) + n
    said: Reasons = ()
    for name, held in labels.items():
        own = {_folded(text) for text in held}
        said += _alike(name, {t: n for t, n in counts.items() if _folded(t) in own}, "")
    return said


def _plain_numbers(name: str, counts: Mapping[str, int]) -> Reasons:
    """Texts of a typed file that are numbers throughout, and no codes; or hold a code among them
    that may mean none."""
    import numpy as np

    numbers = [plain_number(text) for text in counts]
    if None in numbers or len(counts) < _FEW or any(map(_is_code, counts)):
        return ()
    values = np.repeat([n for n in numbers if n is not None], list(counts.values()))
    is_same_length = len({len(text) for text in counts}) == 1
    if is_same_length and len(next(iter(counts))) > 3 and not any("." in text for text in counts):
        return _codes(name, values)
    typed = because(
        "numbers-as-text",
        column=name,
        n=sum(counts.values()),
        option=option("types", f"{name}=number"),
    )
    return _codes(name, values) + typed


def _is_code(text: str) -> bool:
    bare = text.strip().lstrip("+-")
    return bare[:1] == "0" and bare[1:2].isdigit()


def _numbers(name: str, counts: Mapping[str, int]) -> Reasons:
    """Numbers in disguise, and numbers but for a few cells."""
    texts = list(counts)
    tried = texts[:_TRIED]
    looks = sum(dressed(t) is not None for t in tried)
    if looks < _LEAST_SHARE * len(tried) and len(tried) - looks > 3:
        return ()
    clothes = disguise(texts, least=_LEAST_SHARE if len(texts) > 10 else 0.5)
    others = [t for t in texts if dressed(t) is None and plain_number(t) is None]
    n_others = sum(counts[t] for t in others)
    if clothes is None:
        is_one = 0 < len(others) <= 3 and len(texts) - len(others) > len(others)
        if not is_one or any(map(_is_code, texts)):
            return ()
        return because(
            "numbers-but-for",
            column=name,
            n=n_others,
            cells=listed(map(quoted_text, others)),
            option=option("missing", *(f"{name}:{text}" for text in others)),
        )
    options = [] if clothes.decimal in (None, ".") else ["--decimal ,"]
    if "thousands-or-decimal" in clothes.wears:
        options = ["--decimal , (--decimal .)"]
    if clothes.decimal == "." and set(clothes.wears) == {"thousands"}:
        options = ["--decimal ."]
    if {"percent", "currency"} & set(clothes.wears) or not options:
        options.append(option("types", f"{name}=number"))
    if others:
        options.append(option("missing", *(f"{name}:{text}" for text in others)))
    n = sum(counts[t] for t in clothes.of)
    return because(
        "numbers-in-disguise",
        column=name,
        n=n,
        of=sum(counts.values()),
        wears=clothes.wears,
        option=" ".join(options),
    )


def meaning_nothing(texts: Collection[str]) -> list[str]:
    """Those of a column's texts that often stand for "nobody knows"; none where all of them do.

    >>> meaning_nothing(["F", "M", "?"]), meaning_nothing(["F", "unknown"])
    (['?'], [])
    """
    found = [text for text in texts if _folded(text) in _MEAN_NOTHING or _is_mark(text)]
    # "unknown" itself is the group of those of whom nothing is known
    found = [text for text in found if text.strip().casefold() != "unknown"]
    return found if len(found) < len(texts) else []


def _nothings(name: str, counts: Mapping[str, int]) -> Reasons:
    found = meaning_nothing(counts)
    if not found:
        return ()
    return because(
        "may-mean-nothing",
        column=name,
        n=sum(counts[t] for t in found),
        cells=listed(map(quoted_text, found)),
        missing=option("missing", *(f"{name}:{t}" for t in found)),
        unknown=option("unknown", *(f"{name}:{t}" for t in found)),
    )


def _is_mark(text: str) -> bool:
    """Whether a text among words is a number that often stands for "no value": -9, -999."""
    number = plain_number(text)
    return number is not None and number < -1 and number in _CODES_BELOW


def _codes(name: str, values: np.ndarray) -> Reasons:
    """A number far from all others that is often written for "no value", among floats (n,)."""
    import numpy as np

    if len(values) < 2:
        return ()
    low, high = values.min(), values.max()
    for code in (low if low in _CODES_BELOW else None, high if high in _CODES_ABOVE else None):
        if code is None:
            continue
        others = values[values != code]
        n = len(values) - len(others)
        if n < 2 or not len(others) or len(np.unique(others[:1000])) < 3:
            continue
        nearest, farthest = np.abs(others - code).min(), np.abs(others - code).max()
        is_below = code < 0 <= others.min()
        is_above = code > 0 and nearest > 2 * (farthest - nearest) and others.max() < code / 3
        if (code < -1 and is_below) or is_above:
            return because(
                "may-be-a-code",
                column=name,
                n=n,
                value=as_text(code),
                option=option("missing", f"{name}:{as_text(code)}"),
            )
    return ()


def _counts_rows(name: str, column: pd.Series[Any]) -> Reasons:
    import numpy as np

    if not (name.startswith(("column ", "Unnamed:")) or name.casefold() in ("index", "row")):
        return ()
    values = column.to_numpy(dtype=float)
    start = values[0] if len(values) else np.nan
    if len(values) < 2 or start not in (0, 1) or not (np.diff(values) == 1).all():
        return ()
    return because("counts-rows", column=name, option=option("drop", name))


def _alike(name: str, counts: Mapping[str, int], prefix: str) -> Reasons:
    """Texts that differ in blanks, case or in how accents are written. The one that stays has no
    blanks at its ends, and of those is the most frequent."""
    if len(counts) > _MOST_NAMES:
        return ()
    spellings: dict[str, list[str]] = {}
    for text in counts:
        spellings.setdefault(_folded(text), []).append(text)
    said: Reasons = ()
    for alike in spellings.values():
        if len(alike) < 2:
            continue
        ranked = sorted(alike, key=lambda t: (-counts[t], t))
        best = min(ranked, key=lambda t: (t != t.strip(), not _is_plain(t), -counts[t], t))
        words = [f"{prefix}{t}={best}" for t in ranked if t != best]
        said += because(
            "look-alike",
            column=name,
            names=listed(map(quoted_text, ranked)),
            option=option("labels", *words),
        )
    return said[:20]


# Dashes and quotes that stand for each other.
_SIGNS = {ord(c): "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"} | {
    **{ord(c): "'" for c in "\u2018\u2019\u02bc\u0060\u00b4"},
    **{ord(c): '"' for c in "\u201c\u201d\u201e"},
}


def _folded(text: str) -> str:
    """A text without what the eye doesn't tell apart: case, blanks, and how accents are written."""
    seen = unicodedata.normalize("NFKC", text).casefold().translate(_SIGNS)
    bare = "".join(c for c in seen if c.isprintable() or c.isspace())
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def _is_plain(text: str) -> bool:
    """Whether a text is written as most keyboards write it."""
    return text.isprintable() and unicodedata.normalize("NFKC", text).translate(_SIGNS) == text


def quoted_text(text: str) -> str:
    """A text in quotes, so that blanks at its ends are seen; what looks like another is escaped.

    >>> quoted_text("F "), quoted_text("e\\u0301")
    ("'F '", "'e\\\\u0301'")
    """
    plain = unicodedata.normalize("NFC", text) == text and text.isprintable()
    return repr(text) if plain else ascii(text)
