"""The cases of this server, kept between runs and sessions: covers of all, the whole of a few.

A store may hold hundreds of cases with a thousand findings each. A list needs their covers and a
handful of findings (``Excerpt``); the findings of the cases that were looked at last are kept, and
those of the others are read again when somebody asks. Everything is kept under the fingerprint of
the case's folder, which is looked at once a second at the most, and every byte is held against the
seal again every ten minutes.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from evenhand.audit.case.case import Case, read_case, read_findings
from evenhand.audit.errors import AlteredEvidenceError, EvenhandError
from evenhand.dashboard.cases import index, store
from evenhand.dashboard.cases.index import Index, is_overall
from evenhand.dashboard.cases.store import Cover, RegisterView, StoredCase

VERIFY_AGAIN_S = 600.0
LOOK_AGAIN_S = 1.0  # asking for the files of 200 cases takes longer than most pages
MOST_FINDINGS = 100_000  # kept whole, over all cases; the case that was read last always stays
# What a list tells of a case, beside its cover.
TOLD = (
    "demographic_parity_difference",
    "equalized_odds_difference",
    "accuracy_score",
    "declared_epsilon",
    "training_energy",
)


@dataclass(frozen=True)
class Excerpt:
    """How many findings a case has, and those of ``TOLD`` over all rows or between groups."""

    n_findings: int
    index: Index


@dataclass
class _Place:
    """What is known of one folder, for as long as its files are the same."""

    fingerprint: tuple[object, ...]
    verified_at: float
    looked_at: float
    stored: StoredCase
    excerpt: Excerpt | None = None
    case: Case | None = None
    index: Index | None = None
    turn: threading.RLock = field(default_factory=threading.RLock)

    def is_fresh(self, fingerprint: tuple[object, ...]) -> bool:
        """Whether this is still known of a folder with these files."""
        age = time.monotonic() - self.verified_at
        return self.fingerprint == fingerprint and age < VERIFY_AGAIN_S


class Shelf:
    """Thread-safe. One a process: ``SHELF``."""

    def __init__(self, most_findings: int = MOST_FINDINGS) -> None:
        self._most = most_findings
        self._places: dict[str, _Place] = {}
        self._whole: OrderedDict[str, int] = OrderedDict()  # findings by place, last used last
        self._lock, self._opening = threading.RLock(), threading.RLock()
        self._register: tuple[tuple[object, ...], float, RegisterView] | None = None

    def register(self) -> RegisterView:
        """The register, read again when its files change, and every ten minutes."""
        stamp, now, kept = store.register_stamp(), time.monotonic(), self._register
        if kept and kept[0] == stamp and now - kept[1] < VERIFY_AGAIN_S:
            return kept[2]
        view = store.read_register()
        if stamp is not None and stamp == store.register_stamp():
            self._register = (stamp, now, view)
        return view

    def unread(self, paths: Sequence[Path]) -> int:
        """How many of the cases were not looked at yet."""
        return sum(str(path) not in self._places for path in paths)

    def cases(self, paths: Sequence[Path]) -> list[StoredCase]:
        """Every case in the state that it is in now, or was a second ago."""
        return [self._looked_at(path).stored for path in paths]

    def excerpt(self, stored: StoredCase) -> Excerpt:
        """The findings that lists tell. Raises AlteredEvidenceError where they are none."""
        with self._turn(stored) as place:
            if place.excerpt is None:
                assert stored.cover is not None
                place.excerpt = _excerpt(stored.cover)
            return place.excerpt

    def index(self, case: Case) -> Index:
        """The findings of a case by what pages ask for; built once for as long as it is kept."""
        place = self._places.get(str(case.path))
        if place is None or place.case is not case:
            return _index(case)
        with place.turn:
            if place.index is None:
                place.index = _index(case)
            return place.index

    def _looked_at(self, path: Path) -> _Place:
        place, now = self._places.get(str(path)), time.monotonic()
        if place and now - place.looked_at < LOOK_AGAIN_S:
            return place
        fingerprint = store.fingerprint(path)
        if place and place.is_fresh(fingerprint):
            place.looked_at = now
        else:
            with self._opening:  # one opens it, who asks meanwhile waits
                place = self._places.get(str(path))
                if place is None or not place.is_fresh(fingerprint):
                    place = self._opened(path, fingerprint, place)
        return place

    def _opened(self, path: Path, fingerprint: tuple[object, ...], before: _Place | None) -> _Place:
        now, seen = time.monotonic(), store.open_cover(path)
        if before and before.fingerprint == fingerprint and before.stored == seen:
            before.verified_at = before.looked_at = now
            return before
        if seen.cover is not None:
            seen = replace(seen, read=partial(self._read, seen))
        place = _Place(fingerprint, now, now, seen)
        with self._lock:
            self._places[str(path)] = place
            self._whole.pop(str(path), None)
        return place

    @contextmanager
    def _turn(self, stored: StoredCase) -> Iterator[_Place]:
        """The place of a case, for one reader at a time. One that cannot be read is marked."""
        place = self._places[str(stored.path)]
        with place.turn:
            if place.stored != stored:  # it was looked at anew since
                raise AlteredEvidenceError(
                    "case {stored_path} has changed",
                    remedy="load the page again",
                    stored_path=stored.path,
                )
            try:
                yield place
            except EvenhandError as error:
                place.stored = store.unfit(stored, error)
                raise

    def _read(self, stored: StoredCase) -> Case:
        """The whole of a case, read unless it is kept."""
        with self._turn(stored) as place:
            case = place.case = place.case or read_case(stored.path)
        with self._lock:
            self._whole[str(stored.path)] = len(case.findings)
            self._whole.move_to_end(str(stored.path))
            while len(self._whole) > 1 and sum(self._whole.values()) > self._most:
                let_go = self._places[self._whole.popitem(last=False)[0]]
                let_go.case = let_go.index = None
        return case


def _excerpt(cover: Cover) -> Excerpt:
    told = read_findings(cover.path, TOLD)
    shown = [f for f in told if is_overall(f) or f.between]
    lines = (cover.path / "findings.jsonl").read_bytes().count(b"\n")
    return Excerpt(lines, index.build(shown, index.features(cover.subject)))


def _index(case: Case) -> Index:
    return index.build(case.findings, index.features(case.subject))


SHELF = Shelf()
