"""How the same people are written down: what a spelling changes is how it looks, never what it is.

A spelling is drawn from its number; each number gives the same one on every machine.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.newcomer.people import People, made

WESTERN = ("chef de café", "Müllwerker", "niñera", "nurse")
# Encodings, and jobs that can be written in them.
ENCODINGS: dict[str, tuple[str, ...]] = {
    "utf-8": (*WESTERN[:3], "护士"),
    "utf-8-sig": (*WESTERN[:3], "看護師"),
    "cp1252": (*WESTERN, "head – sales"),
    "latin-1": WESTERN,
    "utf-16": (*WESTERN, "护士"),
    "utf-16-le": (*WESTERN, "護士"),
    "cp1250": ("pielęgniarka", "kierowca", "nauczyciel żłobka"),
    "cp1251": ("водитель", "медсестра", "учитель"),
    "gb18030": ("护士", "司机", "老师"),
    "shift_jis": ("看護師", "会社員", "学生"),
}
FORMATS = ("csv", "csv", "csv", "csv", "csv.gz", "xlsx", "parquet", "arrow", "jsonl", "sqlite")
SEPARATORS = (",", ";", "\t", "|")
ABOVE = ("", "", "", "sep", "title", "blank")
# The decimal sign, and what parts thousands.
NUMBERS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0"))
CLOTHES = ("{}", "{}", "€ {}", "{} €", "${}", "{} kr", "USD {}", "R$ {}")
MISSING = ("", "NA", "?", "n/a", "-", "None", "null", "#N/A", ".", "missing", "-999", "N.A.", "—")
UNKNOWN = (
    *("", "unknown", "Unknown", "Not disclosed", "?", "Prefer not to say", "N/A", "UNKNOWN"),
    *("not stated", "k. A.", "未知", "-", "Decline to state"),
)
LABELS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("yes",), ("no",)),
    (("1",), ("0",)),
    (("1.0",), ("0.0",)),
    (("true",), ("false",)),
    (("TRUE",), ("FALSE",)),
    (("Y",), ("N",)),
    (("2",), ("1",)),
    (("1",), ("-1",)),
    (("hired",), ("not hired",)),
    ((">50K",), ("<=50K",)),
    (("是",), ("否",)),
    (("01",), ("00",)),
    (("Yes", "Yes "), ("No", "No ")),
    (("yes", "YES", "Yes"), ("no", "NO")),
    (("ja",), ("nein",)),
)
GROUPS: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {"F": ("F",), "M": ("M",), "X": ("X",)},
    {"F": ("female",), "M": ("male",), "X": ("non-binary",)},
    {"F": ("F", "F ", "f"), "M": ("M", "m"), "X": ("X",)},
    {"F": ("Féminin", "Fe\u0301minin"), "M": ("Masculin",), "X": ("Autre",)},
    {"F": ("1_0",), "M": ("10",), "X": ("1_1",)},
    {"F": ("01",), "M": ("1",), "X": ("02",)},
    {"F": ("1",), "M": ("2",), "X": ("3",)},
    {"F": ("Woman, cis or trans",), "M": ("Man",), "X": ('Other; "none"',)},
    {"F": ("Woman", "woman", " Woman"), "M": ("Man", "MAN"), "X": ("Neither",)},
    {"F": ("女",), "M": ("男",), "X": ("其他",)},
    {"F": ("Women\u00a0(f)", "Women (f)"), "M": ("Men (m)",), "X": ("Neither one",)},
)
TRUTHS = (
    *(("True", "False"), ("true", "false"), ("1", "0"), ("yes", "no"), ("Y", "N"), ("t", "f")),
    *(("TRUE", "FALSE"), ("Yes", "No")),
)
DATES: dict[str, str] = {
    "iso": "%Y-%m-%d",
    "time": "%Y-%m-%d %H:%M:%S",
    "german": "%d.%m.%Y",
    "british": "%d/%m/%Y",
    "american": "%m/%d/%Y",
    "slashed": "%Y/%m/%d",
    "compact": "%Y%m%d",
    "words": "%d %b %Y",
    "chinese": "%Y年%m月%d日",
}


@dataclass(frozen=True)
class Spelling:
    """How one table is written: each choice by name, and the people."""

    number: int
    format: str
    encoding: str
    separator: str
    above: str
    quote_all: bool
    line_end: str
    decimal: str
    thousands: str
    clothes: str
    missing: str
    unknown: str
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    predicted: tuple[tuple[str, ...], tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    truth: tuple[str, str]
    dates: str
    people: People

    @property
    def is_text(self) -> bool:
        return self.format in ("csv", "csv.gz")

    @property
    def positive(self) -> str:
        """How the positive label is written."""
        return self.labels[0][0]

    @property
    def name(self) -> str:
        told = (self.format, self.encoding if self.is_text else "", repr(self.separator))
        return f"{self.number:03d}-{'-'.join(t for t in told if t)}"

    def told(self) -> str:
        """All of it in one line."""
        left = {k: v for k, v in vars(self).items() if k not in ("people", "number")}
        return ", ".join(f"{k}={v!r}" for k, v in left.items())


def drawn(number: int) -> Spelling:
    """The spelling of this number."""
    rng = np.random.default_rng([15, number])

    def one(choices: Sequence[Any]) -> Any:
        return choices[int(rng.integers(len(choices)))]

    encoding = one(list(ENCODINGS))
    jobs = ENCODINGS[encoding]
    format = one(FORMATS)
    fits = _fits(encoding if format.startswith("csv") else "utf-8")
    decimal, thousands = one([n for n in NUMBERS if fits(n[1])])
    labels = one([pair for pair in LABELS if fits(pair[0][0] + pair[1][0])])
    same = (labels, labels, ((labels[0][0],), (labels[1][0],)))
    groups = one([g for g in GROUPS if fits("".join(t for ts in g.values() for t in ts))])
    unknown = [u for u in UNKNOWN if fits(u)]
    # a mark that is a group's own name elsewhere, or a number among numbers, would be no riddle
    return Spelling(
        number=number,
        format=format,
        encoding=encoding,
        separator=one(SEPARATORS),
        above=one(ABOVE),
        quote_all=bool(rng.random() < 0.3),
        line_end=one(["\n", "\r\n"]),
        decimal=decimal,
        thousands=thousands,
        clothes=one([c for c in CLOTHES if fits(c)]),
        missing=one([m for m in MISSING if fits(m)]),
        unknown=one(unknown),
        labels=labels,
        predicted=one(same),
        groups=groups,
        truth=one(TRUTHS),
        dates=one([d for d in DATES if fits(pd.Timestamp("2020-01-01").strftime(DATES[d]))]),
        people=made(number, jobs),
    )


def _fits(encoding: str) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return False
        return True

    return fits


def cells(spelling: Spelling) -> pd.DataFrame:
    """Every cell of the table as the text that it is written as."""
    frame = spelling.people.frame
    rng = np.random.default_rng([16, spelling.number])

    def pick(texts: Sequence[str]) -> str:
        return texts[int(rng.integers(len(texts)))]

    def known(column: str, write: Callable[[Any], str], mark: str) -> list[str]:
        return [mark if pd.isna(v) else write(v) for v in frame[column]]

    pattern = DATES[spelling.dates]
    return pd.DataFrame(
        {
            "id": [str(v) for v in frame["id"]],
            "gender": known("gender", lambda g: pick(spelling.groups[g]), spelling.unknown),
            "age": known("age", lambda v: str(int(v)), spelling.missing),
            "income": known("income", lambda v: _amount(v, spelling), spelling.missing),
            "job": known("job", str, spelling.missing),
            "member": known("member", lambda v: spelling.truth[0 if v else 1], ""),
            "since": known("since", lambda v: v.strftime(pattern), ""),
            "hired": known("hired", lambda v: pick(spelling.labels[0 if v else 1]), ""),
            "advised": known("advised", lambda v: pick(spelling.predicted[0 if v else 1]), ""),
            "score": known("score", lambda v: _plain(v, 4, spelling), ""),
        }
    )


def _plain(value: float, digits: int, spelling: Spelling) -> str:
    return f"{value:.{digits}f}".replace(".", spelling.decimal)


def _amount(value: float, spelling: Spelling) -> str:
    swap = str.maketrans({",": spelling.thousands, ".": spelling.decimal})
    return spelling.clothes.format(f"{value:,.2f}".translate(swap))


def written(spelling: Spelling, folder: Path) -> Path:
    """The table as a file of the spelling's format. Returns where it is."""
    table = cells(spelling)
    path = folder / f"people.{spelling.format}"
    if spelling.is_text:
        raw = _text(table, spelling).encode(spelling.encoding)
        path.write_bytes(gzip.compress(raw) if spelling.format == "csv.gz" else raw)
    elif spelling.format == "xlsx":
        _workbook(table, path)
    elif spelling.format == "sqlite":
        with sqlite3.connect(path) as connection:
            table.to_sql("people", connection, index=False)
        connection.close()
    elif spelling.format == "jsonl":
        lines = (json.dumps(row, ensure_ascii=False) for row in table.to_dict("records"))
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    elif spelling.format == "parquet":
        table.to_parquet(path)
    else:
        table.to_feather(path, compression="uncompressed")
    return path


def _text(table: pd.DataFrame, spelling: Spelling) -> str:
    out = io.StringIO(newline="")
    sep = spelling.separator
    above = {"sep": f"sep={sep}", "title": "People of the year", "blank": ""}
    if spelling.above:
        out.write(above[spelling.above] + spelling.line_end)
        if spelling.above == "title":
            out.write(spelling.line_end)
    quoting = csv.QUOTE_ALL if spelling.quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=sep, quoting=quoting, lineterminator=spelling.line_end)
    writer.writerow(table.columns)
    writer.writerows(table.itertuples(index=False))
    return out.getvalue()


def _workbook(table: pd.DataFrame, path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    cover = book.active
    cover.title = "About"
    cover.append(["Made by the office"])
    sheet = book.create_sheet("People")
    sheet.append(list(table.columns))
    for row in table.itertuples(index=False):
        sheet.append(list(row))
    book.save(path)


def same(one: str, other: str) -> bool:
    """Whether two group names are one to the eye."""

    def bare(text: str) -> str:
        return " ".join(unicodedata.normalize("NFKC", text).casefold().split())

    return bare(one) == bare(other)
