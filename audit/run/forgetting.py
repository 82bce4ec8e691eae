"""Where a home keeps something of one person: what may be removed is, sealed cases are named.

Kept answers, unfinished work and uploads are copies for convenience: without them something is
measured or uploaded again. A sealed case never changes; who has to take a person out of it issues
another and removes its folder. The register keeps digests, and the names of people who sign.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evenhand.audit.case.case import artifact_files, find_cases, read_plan
from evenhand.audit.case.work import unfinished
from evenhand.audit.errors import EvenhandError
from evenhand.audit.register.opening import open_archive
from evenhand.audit.register.register import Register, home

Kind = Literal["cache", "unfinished", "upload", "model", "archive", "case"]
_CELLS = ("inputs", "values", "cells")  # the cells of rows, as numbers where columns are numbers
# Texts of rows: whole, or as the list of their words. What names a person is found within.
_TEXTS = ("words", "word", "texts", "continuation", "text")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class PersonToForget:
    """Who is looked for: a ``row`` of the data with that digest, or ``value``, the text that names
    the person in a column (``unit``, ``id``)."""

    row: int | None = None
    data: str = ""
    value: str = ""

    def is_in(self, document: Any, *, cells: bool = False, key: str = "") -> bool:
        """Whether an artifact's JSON holds something of the person; ``key`` is what it stands
        under."""
        if isinstance(document, dict):
            if self.row is not None and document.get("row") == self.row:
                return True
            numbers = document.get("numbers")
            if self.row is not None and isinstance(numbers, list) and self.row in numbers:
                return True
            return any(
                self.is_in(v, cells=cells or k in _CELLS, key=k) for k, v in document.items()
            )
        if isinstance(document, list):
            words = [w for w in document if isinstance(w, str)] if key == "words" else []
            return self._is_said_in(words) or any(
                self.is_in(v, cells=cells, key=key) for v in document
            )
        if not self.value or isinstance(document, bool):
            return False
        if isinstance(document, str):
            return document == self.value or (key in _TEXTS and self._is_said_in([document]))
        return cells and isinstance(document, int | float) and _number(self.value) == document

    def _is_said_in(self, words: list[str]) -> bool:
        """Whether a text, given as its words, has the value in it, in capitals or not. Languages
        without blanks are joined without."""
        wanted = " ".join(self.value.split()).casefold()
        if not wanted or not words:
            return False
        return any(wanted in mark.join(words).casefold() for mark in (" ", ""))


@dataclass(frozen=True)
class Held:
    """One place that holds something of the person. ``files`` are those in a case that do."""

    kind: Kind
    place: Path
    files: tuple[str, ...] = ()

    @property
    def may_go(self) -> bool:
        """Whether it may be removed without changing evidence."""
        return self.kind not in ("case", "archive", "model")


def find(person: PersonToForget) -> list[Held]:
    """Every place of this home, and every case it knows, that holds something of the person.

    Answers in the cache don't say of which data they are: of a row number more is found than is
    the person's, which costs measuring again.
    """
    places = [
        Held("cache", path)
        for path in sorted((home() / "cache").glob("*/*.json"))
        if person.is_in(kept_answer(path).get("artifacts"))
    ]
    folders = sorted({path.parent for path in known_cases()} | {home() / "cases"})
    for work in (w for folder in folders for w in unfinished(folder)):
        if any(person.is_in(kept_answer(p).get("artifacts")) for p in sorted(work.rglob("*.json"))):
            places.append(Held("unfinished", work))
    if person.value:
        uploads = (p for p in sorted((home() / "uploads").rglob("*")) if p.is_file())
        places += [Held("upload", p) for p in uploads if _has(p, person.value.encode())]
    for case in known_cases():
        files = tuple(_files(case, person))
        if files:
            places.append(Held("case", case, files))
    for archive, case in received():
        if files := tuple(_files(case, person)):
            places.append(Held("archive", archive, files))
    return [*places, *(_held_out(person) if person.value else ())]


def received() -> Iterator[tuple[Path, Path]]:
    """Archives that were handed to this home, and where the case of each was unpacked."""
    for archive in sorted((home() / "received").glob("*.zip")):
        try:
            yield archive, open_archive(archive).case
        except EvenhandError:
            continue  # one that was changed is `verify`'s to tell


def _held_out(person: PersonToForget) -> Iterator[Held]:
    """Rows that training put beside a model (held_out.csv): of models of this home, and of those
    that cases name."""
    own = (str(p) for p in (home() / "models").glob("*") if p.is_dir())
    named = {*own, *map(_model_of, known_cases())}
    for model in sorted(place for place in named if place):
        files = [p for p in sorted(Path(model).glob("held_out.*")) if p.is_file()]
        found = tuple(p.name for p in files if _has(p, person.value.encode()))
        if found:
            yield Held("model", Path(model), found)


def _model_of(case: Path) -> str:
    """The folder of the model that a case audited, or nothing."""
    try:
        model = read_plan(case).subject.model
    except (EvenhandError, OSError):
        return ""
    return (
        "" if model is None or model.path is None or not Path(model.path).is_dir() else model.path
    )


def remove(held: list[Held]) -> int:
    """Removes what may go of ``held``; how many places that were."""
    going = [one for one in held if one.may_go]
    for one in going:
        shutil.rmtree(one.place) if one.place.is_dir() else one.place.unlink(missing_ok=True)
    return len(going)


def known_cases() -> list[Path]:
    """The cases at home, and those that the register knows and that are still there."""
    entered = [Path(str(e.body.get("path"))) for e in Register().entries() if e.kind == "case"]
    known = [*find_cases([home() / "cases"]), *(p for p in entered if (p / "seal.json").is_file())]
    return list(dict.fromkeys(p.resolve() for p in known))


def _files(case: Path, person: PersonToForget) -> Iterator[str]:
    try:
        plan = read_plan(case)
        names = artifact_files(case)
    except (EvenhandError, OSError):
        return  # an altered case is `verify`'s to tell
    if person.row is not None and person.data and plan.subject.data_digest != person.data:
        return
    for name in names:
        document = as_document((case / name).read_bytes())
        rows = document.get("n") if name.endswith("/decisions.json") else None
        if rows is not None and plan.subject.cohort is not None:
            rows = math.inf  # which rows of the file a cohort has is known with the file alone
        if person.is_in(document) or (
            person.row is not None and isinstance(rows, int | float) and person.row < rows
        ):
            yield name


def kept_answer(path: Path) -> dict[str, Any]:
    """A kept answer: a line that vouches for it, then JSON."""
    raw = path.read_bytes()
    first, _, rest = raw.partition(b"\n")
    return as_document(rest if rest else first)


def as_document(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _has(path: Path, wanted: bytes) -> bool:
    """Whether a file has these bytes anywhere, read a piece at a time."""
    with path.open("rb") as opened:
        before = b""
        while piece := opened.read(_CHUNK):
            if wanted in before + piece:
                return True
            before = piece[-len(wanted) :]
    return False


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
