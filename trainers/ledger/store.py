"""The ledger store: every private run of this place, and which rows each run was on, plain ones
too.

    EVENHAND_HOME/ledger/
      key                 32 secret bytes, readable by their owner alone
      index.jsonl         the chain of runs: a run that is missing from the folder is noticed; and
                        which rows each plain run was on, by the digest of the weights it gave
      runs/<run>.jsonl    a run's ledger (ledger.py); the model folder gets a copy
      runs/<run>.anchor   number, digest and steps of its last line: cut-off lines are noticed
      rows/<digest>.bin   sorted keyed hashes of the rows of a run, 8 bytes each

Rows are known by HMAC-SHA256 under the key, cut to 8 bytes: the store holds no row, and nobody
without the key can test whether a row is among them. Two of a million rows each collide by chance
with probability 5e-8. A row is known by its whole contents (rows.py): an edited row is another row.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import TYPE_CHECKING, Any

from evenhand.audit.claims import Composed
from evenhand.audit.errors import AlteredEvidenceError, InputError
from evenhand.audit.files.chain import GENESIS, Chain, read_lines
from evenhand.audit.files.disk import write_whole
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.ledger import record as ledger
from evenhand.trainers.ledger.record import OpenedLedger
from evenhand.trainers.ledger.rows import RowSet
from evenhand.trainers.ledger.run import RunLedger, drop_torn_line
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.private.unit import ROW, Unit

if TYPE_CHECKING:
    pass

_KINDS = ("run", "plain")  # the lines of the index


@dataclass(frozen=True)
class StoredRun:
    """A run of the store: its ledger as anchored, and its rows."""

    run: str
    record: ledger.LedgerRecord
    rows: RowSet


@dataclass(frozen=True)
class Composition:
    """What all runs that share a row with this one spend together, at ``delta``.

    ``runs`` counts them, this one too; ``overlap`` is the largest share of this run's rows (and
    units) that another run also had. An upper bound for every ``unit``: a unit is in some of these
    runs. It is a row unless all of them protect what shares a value in one column.
    """

    epsilon: float
    delta: float
    accountant: str
    runs: int
    overlap: float
    store: str
    unit: str = "row"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"state": "known", **vars(self)}


def home() -> Path:
    """EVENHAND_HOME, by default ``./.evenhand``."""
    return Path(os.environ.get("EVENHAND_HOME") or ".evenhand")


class LedgerStore:
    """The store in ``folder``, by default the one of EVENHAND_HOME; made when first written to."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = Path(folder) if folder is not None else home() / "ledger"

    @property
    def exists(self) -> bool:
        """Whether anything was ever written to it."""
        return (self.folder / "key").exists()

    @property
    def id(self) -> str:
        """What the store is known by; does not give the key away. "" where there is none yet."""
        if not self.exists:
            return ""
        return hmac.new(self._key(), b"evenhand ledger store", hashlib.sha256).hexdigest()[:32]

    def row_set(self, rows: Iterable[bytes]) -> RowSet:
        """The keyed hashes of rows. Raises InputError for no rows."""
        import numpy as np

        start = hmac.new(self._key(create=True), b"", hashlib.sha256)
        found = bytearray()
        for row in rows:
            one = start.copy()
            one.update(row)
            found += one.digest()[:8]
        if not found:
            raise InputError("no rows to enter into the ledger", remedy="check the data")
        return RowSet(np.unique(np.frombuffer(bytes(found), dtype=">u8")))

    def open_run(self, opened: OpenedLedger, rows: RowSet) -> RunLedger:
        """Starts a run: when this returns, it is on the disk and no step of it is authorised."""
        run = token_hex(8)
        with self._locked():
            drop_torn_line(self._index)
            index = Chain(self._index, _KINDS)
            body = opened.model_copy(
                update={
                    "run": run,
                    "store": self.id,
                    "rows_digest": rows.digest,
                    "writes_ahead": True,
                    "index_seq": index.seq,
                    "index_head": index.head,
                }
            )
            self._write_rows(rows)
            # Ledger before index: a crash in between leaves a run that spent nothing and is read.
            started = RunLedger(ledger.open_run(self._ledger(run), body), body)
            index.append("run", {"run": run, "rows_digest": rows.digest, "n_rows": len(rows)})
        return started

    def mark_plain(self, rows: RowSet, weights: str, started_from: str | None) -> None:
        """Remembers that a plain run on ``rows`` gave the weights of that digest, and from which
        weights it started: none of these rows is protected in what starts from them."""
        with self._locked():
            drop_torn_line(self._index)
            self._write_rows(rows)
            body = {"weights": weights, "from": started_from, "rows_digest": rows.digest}
            Chain(self._index, _KINDS).append("plain", {**body, "n_rows": len(rows)})

    def seen_plainly(self, rows: RowSet, weights: str) -> int | None:
        """How many of ``rows`` the weights of that digest, or weights that they come from, were
        trained on without privacy; None for weights that this store does not know."""
        import numpy as np

        known: dict[str, list[dict[str, Any]]] = {}
        for entry in self._entries("plain") if self.exists else ():
            known.setdefault(entry["weights"], []).append(entry)
        if weights not in known:
            return None
        seen, looked_at, ahead = np.zeros(0, dtype=">u8"), set[str](), [weights]
        while ahead:
            at = ahead.pop()
            looked_at.add(at)
            for entry in known.get(at, ()):
                seen = np.union1d(seen, self._read_rows(entry["rows_digest"]).hashes)
                if entry["from"] and entry["from"] not in looked_at:
                    ahead.append(entry["from"])
        return rows.shared_with(RowSet(seen))

    def resume_run(self, run: str, opened: OpenedLedger) -> RunLedger:
        """Adds a segment to a run that did not end. Raises where the run is closed or broken."""
        record = self.read_run(run)
        if record.is_closed:
            raise InputError("run {run} has ended", remedy="start a new run", run=run)
        last = record.runs[-1]
        drop_torn_line(self._ledger(run))
        body = opened.model_copy(
            update={
                "run": run,
                "store": self.id,
                "rows_digest": last.rows_digest,
                "writes_ahead": True,
                "index_seq": last.index_seq,
                "index_head": last.index_head,
            }
        )
        return RunLedger(ledger.open_run(self._ledger(run), body), body, record.steps)

    def read_run(self, run: str) -> ledger.LedgerRecord:
        """A run's ledger, compared with its anchor.

        Raises InputError for a run that the store never had, AlteredEvidenceError where its ledger
        is missing or was rolled back.
        """
        file, anchor = self._ledger(run), self._anchor(run)
        if not file.exists():
            if anchor.exists() or any(entry["run"] == run for entry in self._entries()):
                raise _rolled_back(f"the ledger of run {run} is missing from {self.folder}")
            raise InputError(
                "the ledger store {folder} has no run {run}",
                remedy="point EVENHAND_HOME at the store that the run was started with",
                folder=self.folder,
                run=run,
            )
        record = ledger.read_ledger(file, is_anchored=True)
        self._require_anchor(record, anchor)
        return record

    def runs(self) -> tuple[StoredRun, ...]:
        """Every run of the store. Raises AlteredEvidenceError where one is missing or altered."""
        if not self.exists:
            return ()
        names = {entry["run"] for entry in self._entries()}
        names |= {file.stem for file in (self.folder / "runs").glob("*.jsonl")}
        return tuple(self._stored(name) for name in sorted(names))

    def composition(
        self,
        rows: RowSet,
        *,
        delta: float,
        planned: tuple[Segment, ...] = (),
        unit: Unit = ROW,
    ) -> Composition:
        """What the runs that share a row (or unit) with ``rows`` spend together, and ``planned``,
        which protects ``unit``, with them."""
        sharing = [(run, rows.shared_with(run.rows)) for run in self.runs()]
        sharing = [(run, n) for run, n in sharing if n]
        segments = [*planned, *(s for run, _ in sharing for s in run.record.segments)]
        others = [Unit(o.unit_column, o.rows_per_unit) for r, _ in sharing for o in r.record.runs]
        if any(other.column != unit.column for other in others):
            unit = ROW  # how many rows of a person the others had is not known
        # The rows of a unit may be others in each run: one row of each run goes, then the next.
        most = max([unit.rows, *(o.rows for o in others)]) if unit.column else 1
        spending = spent(segments, delta, rows_per_unit=most)
        return Composition(
            epsilon=spending.epsilon,
            delta=delta,
            accountant=spending.accountant,
            runs=len(sharing) + bool(planned),
            overlap=max((n / len(rows) for _, n in sharing), default=0.0),
            store=self.id,
            unit=unit.name,
        )

    def composition_of(self, record: ledger.LedgerRecord) -> Composed:
        """The composition of a run of this store as its record's field; "unknown" where the run
        is of another store.

        Raises AlteredEvidenceError where this store should have the run and does not, or has less
        of it than ``record``: it was rolled back.
        """
        last = record.runs[-1]
        if not last.store:
            return ledger.unknown_composition("the run was entered into no ledger store")
        if self.id != last.store:
            return ledger.unknown_composition(f"its ledger store {last.store} is not here")
        if not self._ledger(last.run).exists():
            raise _rolled_back(f"{self.folder} has lost run {last.run}")
        self.require_reached(last.run, record.seq, record.head)
        self._require_index(last)
        rows = self._read_rows(last.rows_digest)
        unit = Unit(last.unit_column, last.rows_per_unit)
        found = self.composition(rows, delta=record.delta, unit=unit)
        return Composed.model_validate(found.to_json())

    def require_reached(self, run: str, seq: int, head: str) -> None:
        """Raises AlteredEvidenceError unless the run's chain has line ``seq`` with that digest."""
        heads = self.read_run(run).heads
        if not 0 < seq <= len(heads) or heads[seq - 1] != head:
            raise _rolled_back(f"the ledger store's run {run} does not hold line {seq} as recorded")

    def _stored(self, run: str) -> StoredRun:
        record = self.read_run(run)
        self._require_index(record.runs[-1])
        return StoredRun(run, record, self._read_rows(record.runs[-1].rows_digest))

    def _require_index(self, opened: OpenedLedger) -> None:
        heads = [GENESIS, *(line["digest"] for line in self._index_lines())]
        if opened.index_seq >= len(heads) or heads[opened.index_seq] != opened.index_head:
            raise _rolled_back(f"the index of {self.folder} lacks runs that came before")

    def _require_anchor(self, record: ledger.LedgerRecord, anchor: Path) -> None:
        """The chain may be one line ahead of its anchor (a crash in between), never behind it."""
        if not anchor.exists():
            if record.seq > 1:
                raise _rolled_back(f"the anchor {anchor} is missing")
            return
        try:
            kept = json.loads(anchor.read_bytes())
            seq, head, steps = int(kept["seq"]), str(kept["head"]), int(kept["steps"])
        except (ValueError, KeyError, TypeError):
            raise _rolled_back(f"the anchor {anchor} is not readable") from None
        if not 0 < seq <= record.seq or record.heads[seq - 1] != head:
            raise _rolled_back(f"the ledger of run {anchor.stem} ends before its anchor")
        if seq == record.seq and steps != record.steps:
            raise _rolled_back(f"the anchor of run {anchor.stem} counts other steps")

    def _index_lines(self) -> list[dict[str, Any]]:
        if not self._index.exists():
            return []
        return read_lines(self._index, kinds=_KINDS, may_be_torn=True)

    def _entries(self, kind: str = "run") -> list[dict[str, Any]]:
        return [line["body"] for line in self._index_lines() if line["kind"] == kind]

    def _write_rows(self, rows: RowSet) -> None:
        file = self._rows(rows.digest)
        if not file.exists():
            write_whole(file, rows.hashes.tobytes())

    def _read_rows(self, digest: str) -> RowSet:
        import numpy as np

        file = self._rows(digest)
        if not file.exists():
            raise _rolled_back(f"row hashes {file} are missing")
        rows = RowSet(np.frombuffer(file.read_bytes(), dtype=">u8"))
        if rows.digest != digest:
            raise _rolled_back(f"row hashes {file} were changed")
        return rows

    def _key(self, *, create: bool = False) -> bytes:
        file = self.folder / "key"
        if not file.exists():
            if not create:
                what = phrase("no ledger store at {folder}", folder=self.folder)
                raise InputError(what, remedy="set EVENHAND_HOME")
            self._create(file)
        return file.read_bytes()

    def _create(self, file: Path) -> None:
        try:
            for folder in (self.folder, self.folder / "runs", self.folder / "rows"):
                folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return  # another process was quicker
        except OSError as error:
            raise InputError(
                "cannot create the ledger store {folder}: {strerror}",
                remedy="point EVENHAND_HOME at a folder that you may write to",
                folder=self.folder,
                strerror=error.strerror,
            ) from None
        with os.fdopen(handle, "wb") as opened:
            opened.write(token_bytes(32))
            opened.flush()
            os.fsync(opened.fileno())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time adds to the index."""
        import fcntl

        with (self.folder / "lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @property
    def _index(self) -> Path:
        return self.folder / "index.jsonl"

    def _ledger(self, run: str) -> Path:
        return self.folder / "runs" / f"{_plain(run)}.jsonl"

    def _anchor(self, run: str) -> Path:
        return self.folder / "runs" / f"{_plain(run)}.anchor"

    def _rows(self, digest: str) -> Path:
        return self.folder / "rows" / f"{_plain(digest.removeprefix('sha256:'))}.bin"


def _plain(name: str) -> str:
    """A name that stays in its folder: it may come from a model folder that a stranger wrote."""
    if not name or not all(c in "0123456789abcdef" for c in name):
        what = phrase("{name!r} is not a name of the ledger store", name=name)
        raise InputError(what, remedy="check the ledger")
    return name


def _rolled_back(problem: str) -> AlteredEvidenceError:
    return AlteredEvidenceError(
        "the ledger store was rolled back or altered: {problem}",
        remedy="restore the store from its latest copy; what was spent cannot be known without it",
        problem=problem,
    )
