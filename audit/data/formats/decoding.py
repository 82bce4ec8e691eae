"""Bytes -> text: the encoding is declared, or shown by a mark at the start, or UTF-8."""

from __future__ import annotations

import codecs
import re
import zlib

from evenhand.audit.data.formats.limits import Limits, check_expansion
from evenhand.audit.data.written.encodings import guesses, wide_encoding
from evenhand.audit.errors import InputError, LimitError
from evenhand.audit.reason import Reason, Reasons, because
from evenhand.audit.words.phrases import as_is, phrase

_MARKS = (  # the longer first: UTF-32's mark starts with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20
_FIRST_STEP = 1 << 12
_MAX_MEMBERS = 100_000  # bgzip writes one every 64 KiB
_HIDDEN = re.compile("[\x80-\x84\x86-\x9f]")  # C1 controls but for a line end
_PADDING = re.compile(rb"\0+")


def known_encoding(encoding: str) -> str:
    """The codec's own name. Raises InputError for one that is not known, or not of text."""
    try:
        found = codecs.lookup(encoding)
        if not found._is_text_encoding:  # Python's codecs for bytes to bytes: zip, rot13 ...
            raise LookupError
    except (LookupError, ValueError):
        raise InputError(
            "encoding {encoding!r} is not known",
            remedy="use e.g. utf-8, latin-1 or cp1252",
            encoding=encoding[:40],
        ) from None
    return found.name


def decode(raw: bytes, source: object, encoding: str | None = None) -> tuple[str, list[Reason]]:
    """The text, and a note where it was not UTF-8.

    Raises InputError, with line and column, for bytes that are no text in that encoding; the
    likeliest one is named.
    """
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    name = known_encoding(encoding) if encoding else marked or "utf-8"
    if name == "utf-8":
        name = "utf-8-sig"
    shown = "UTF-8" if name == "utf-8-sig" else name.upper()
    try:
        text = raw.decode(name)
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        where = f"byte {error.start} (line {line}, column {column})"
        raise InputError(
            "{source} is not {shown} text: {where} is 0x{raw:02x}",
            remedy=as_is(way_out(raw)),
            source=source,
            shown=shown,
            where=where,
            raw=raw[error.start],
        ) from None
    except UnicodeError as error:
        raise InputError(
            "{source} is not {shown} text: {error}",
            remedy=as_is(way_out(raw)),
            source=source,
            shown=shown,
            error=error,
        ) from None
    _refuse_zero_bytes(text, raw, source)
    notes: list[Reason] = []
    if name != "utf-8-sig":
        notes += because("read-as-encoding", encoding=shown)
        notes += _controls(text, raw, shown)
    return text, notes


def _refuse_zero_bytes(text: str, raw: bytes, source: object) -> None:
    if "\0" in text:
        at = text.index("\0")
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        wide = wide_encoding(raw)
        raise InputError(
            "{source} holds binary data (a zero byte at character {at}, line {line}, "
            "column {column})",
            remedy=phrase("it reads as text in UTF-16: --encoding {wide}", wide=wide)
            if wide
            else phrase(
                "pass CSV, Parquet, Arrow, JSON lines, Excel or SQLite; where it is text in "
                "UTF-16, name it: --encoding utf-16-le"
            ),
            source=source,
            at=at,
            line=line,
            column=column,
        )


def way_out(raw: bytes) -> str:
    """The likeliest encoding, and what a line of the file is in it."""
    found = guesses(raw)
    if not found:
        return phrase("name its encoding, e.g. --encoding cp1252, or pass Parquet")
    first, *others = (
        f"--encoding {guess.encoding} (its line {guess.line} is then {guess.text!r})"
        for guess in found
    )
    also = f", or {others[0]}" if others else ""
    return phrase("name its encoding: {first}{also}; or pass Parquet", first=first, also=also)


def _controls(text: str, raw: bytes, shown: str) -> Reasons:
    """A note where controls came out of bytes that are signs and letters in Windows' encodings."""
    hidden = _HIDDEN.findall(text)
    if not hidden:
        return ()
    better = guesses(raw)
    return because(
        "holds-controls",
        encoding=shown,
        n=len(hidden),
        point=f"U+{ord(hidden[0]):04X}",
        better=better[0].encoding if better else "cp1252",
    )


def gunzip(raw: bytes, source: object, limits: Limits) -> bytes:
    """What a gzip file holds. Raises InputError for a broken one, LimitError for a bomb."""
    parts: list[bytes] = []
    unpacked = at = members = 0
    view = memoryview(raw)
    try:
        while at < len(raw):
            members += 1
            if members > _MAX_MEMBERS:
                raise LimitError(
                    "{source} is a gzip file of over {max_members:,} parts",
                    remedy="unpack it, and pack it again as one",
                    source=source,
                    max_members=_MAX_MEMBERS,
                )
            # what lies behind a part's end is copied when it is met: little is given at first
            member, step = zlib.decompressobj(31), _FIRST_STEP
            while not member.eof:
                given = view[at : at + step]
                part = member.decompress(given, _CHUNK)
                at += len(given) - len(member.unconsumed_tail) - len(member.unused_data)
                if not part and not given and not member.eof:
                    raise InputError(
                        "{source} ends in the middle", remedy="download it again", source=source
                    )
                step = min(2 * step, _CHUNK)
                unpacked += len(part)
                check_expansion(unpacked, len(raw), source, limits)
                parts.append(part)
            at = _padding_end(raw, at)
    except zlib.error as error:
        raise InputError(
            "{source} is not a readable gzip file: {error}",
            remedy="download it again",
            source=source,
            error=error,
        ) from None
    return b"".join(parts)


def _padding_end(raw: bytes, at: int) -> int:
    """Where the zeros end that may follow a part."""
    found = _PADDING.match(raw, at)
    return found.end() if found else at
