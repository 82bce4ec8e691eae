"""The people a model decides about: which decisions are adverse to them, and the applicant whom
their reasons compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

from evenhand.audit.artifacts.explanation import Standing
from evenhand.audit.asking.copies import subject_copies
from evenhand.audit.asking.stand_ins import StandIn, subject_stand_ins
from evenhand.audit.attribution.baselines import typical_row
from evenhand.audit.attribution.door import Question, ask
from evenhand.audit.attribution.recourse.space import MOST_CATEGORIES, Rule, Space, build_space
from evenhand.audit.checks.needs import predictor_of
from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import InputError, MissingNeed, nearest
from evenhand.audit.favourable import favourable as required_outcome
from evenhand.audit.reason import because
from evenhand.audit.subject.predictions import predictions_of, predictions_on
from evenhand.audit.subject.sampling import sample
from evenhand.audit.subject.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ADVERSE, _FAVOURABLE = 1, 2  # streams of their own beside the audit's seed


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference applicant: ``row`` (one raw row of input columns), how it came about, and what
    the model decides about it (``score`` is that of the favourable decision)."""

    row: pd.DataFrame
    described: str
    declared: tuple[str, ...]
    favourable_rows: int
    is_favourable: bool
    score: float


class Applicants:
    """A binary subject's rows as people who were decided about.

    Raises MissingNeed without a model, for other tasks, where ``positive_is`` isn't declared, where
    the model reads nothing but free text or pixels, and where all decisions are alike.
    """

    def __init__(self, subject: Subject) -> None:
        self.predictor = predictor_of(subject)
        if subject.task != "binary":
            raise MissingNeed(because("task-without-adverse-decision", task=subject.task))
        self._selection = required_outcome(subject).is_selection
        self.subject = subject
        self.columns = tuple(self.predictor.input_columns)
        kind = ask(self.predictor, Question("capabilities")).facts["kind"]
        if kind != "tabular" or not any(_is_comparable(subject.frame[c]) for c in self.columns):
            raise MissingNeed(because("no-columns-to-name"))
        self.is_favourable = self._favourable(predictions_of(subject).is_selected)
        if self.is_favourable.all() or not self.is_favourable.any():
            adverse, favourable = because("no-adverse-decision"), because("no-favourable-decision")
            raise MissingNeed(adverse if self.is_favourable.all() else favourable)

    def _favourable(self, is_selected: np.ndarray) -> np.ndarray:
        return is_selected if self._selection else ~is_selected

    def ask(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """For raw rows: is the decision favourable, and the score of the favourable class."""
        found = predictions_on(self.subject, frame)
        score = found.answer if self._selection else 1 - found.answer
        return self._favourable(found.is_selected), score

    @property
    def favourable_class(self) -> int:
        """The position of the favourable label in the model's classes."""
        classes = self.predictor.classes
        positive = classes.index(str(match_label(str(self.subject.truth.positive), classes)))
        return positive if self._selection else 1 - positive

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The sensitive features that the model reads, and inputs that are copies of one; without
        those that may lawfully be a reason."""
        lawful = set(self.subject.lawful_reasons)
        features = set(self.subject.sensitive_features) - lawful
        copied = subject_copies(self.subject)
        kept = {c for c, copy in copied.items() if not set(copy.features) <= lawful}
        return tuple(c for c in self.columns if c in features or (c in kept and c not in lawful))

    @property
    def may_be_named(self) -> np.ndarray:
        """Which columns may be reasons, bool of shape (columns,): all but sensitive features, their
        copies, and columns that name rows: "your number is 4711" is no reason."""
        import numpy as np

        from evenhand.audit.measure.identifiers import identifiers

        names_rows = {found.column for found in identifiers(self.subject.frame[list(self.columns)])}
        return np.array([c not in self.sensitive and c not in names_rows for c in self.columns])

    def sample_adverse(self, rows: int, seed: int) -> np.ndarray:
        """Positions of up to ``rows`` random adverse rows, whatever the groups are called.

        For one seed a smaller sample is part of a larger one: two checks ask about the same people.
        """
        return self._sample(~self.is_favourable, rows, (seed, _ADVERSE))

    def sample_favourable(self, rows: int, seed: int) -> np.ndarray:
        """The same of rows decided favourably."""
        return self._sample(self.is_favourable, rows, (seed, _FAVOURABLE))

    def _sample(self, among: np.ndarray, rows: int, seed: Sequence[int]) -> np.ndarray:
        import numpy as np

        order = sample(self.subject, self.subject.n, seed)
        known: np.ndarray = order[among[order]]
        drawn = np.random.default_rng(list(seed)).permutation(known.size)[:rows]
        found: np.ndarray = known[np.sort(drawn)]
        return found

    def frame(self, rows: np.ndarray) -> pd.DataFrame:
        """The input columns of the rows at these positions."""
        return self.subject.frame.iloc[rows][list(self.columns)].reset_index(drop=True)

    @cached_property
    def reference(self) -> Reference:
        """The declared applicant; what isn't declared is typical of the favourable decisions."""
        import numpy as np

        favourable = self.frame(np.flatnonzero(self.is_favourable))
        row = typical_row(favourable, self.columns)
        declared = dict(self.subject.reference_applicant)
        for name, value in declared.items():
            row[name] = _cell(value, self.subject.frame[name], name)
        is_favourable, score = self.ask(row)
        typical = f"median or most frequent value of {len(favourable)} rows decided favourably"
        described = typical
        if declared:
            described = f"declared: {', '.join(sorted(declared))}"
            if len(declared) < len(self.columns):
                described += f"; other columns: {typical}"
        return Reference(
            row,
            described,
            tuple(sorted(declared)),
            len(favourable),
            bool(is_favourable[0]),
            float(score[0]),
        )

    def reference_json(self) -> dict[str, Any]:
        """The reference applicant as plain JSON types."""
        reference = self.reference
        return {
            "declared": list(reference.declared),
            "favourable_rows": reference.favourable_rows,
            "values": {c: plain_cell(reference.row[c].iloc[0]) for c in self.columns},
            "is_favourable": reference.is_favourable,
            "score": round(reference.score, 6),
        }

    def stand_ins(self, seed: int, *, least_auc: float) -> dict[str, StandIn]:
        """Input columns that are proxies for a sensitive feature, declared or found, and why."""
        return subject_stand_ins(self.subject, seed=seed, least_auc=least_auc)

    @cached_property
    def space(self) -> Space:
        """What may be changed: as declared, within the range of the audited rows otherwise."""
        rules = {
            name: Rule(**(declared.model_dump() | {"values": tuple(declared.values)}))
            for name, declared in self.subject.actionable.items()
        }
        fixed = {f: because("sensitive-feature") for f in self.subject.sensitive_features}
        fixed |= {
            name: because("copy-of", features=copy.features)
            for name, copy in subject_copies(self.subject).items()
        }
        codes = getattr(self.predictor, "codes", ())
        return build_space(self.subject.frame, self.columns, rules, fixed, codes)


def plain_cell(value: Any) -> str | float | None:
    """One cell as JSON: a number, a text, or None for a missing one."""
    import pandas as pd

    if value is None or pd.isna(value):
        return None
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value)
    return as_text(value)


def compared(own: Any, reference: Any) -> Standing:
    """How a cell stands to the reference's: below, above, missing, given or different."""
    mine, other = plain_cell(own), plain_cell(reference)
    if mine is None:
        return "missing"
    if other is None:
        return "given"
    if isinstance(mine, float) and isinstance(other, float):
        return "below" if mine < other else "above"
    return "different"


def told_changes(space: Space, own: np.ndarray, z: np.ndarray) -> list[dict[str, Any]]:
    """A person's changes as JSON: ``by`` for a number, ``to`` for a category or a missing cell."""
    import math

    changes: list[dict[str, Any]] = []
    for column, before, after in zip(space.mutable, own.tolist(), z.tolist(), strict=True):
        if before == after or (math.isnan(before) and math.isnan(after)):
            continue
        if column.levels is not None:
            changes.append({"column": column.name, "to": plain_cell(column.levels[int(after)])})
        elif math.isnan(before):
            changes.append({"column": column.name, "to": after})
        else:
            changes.append({"column": column.name, "by": float(f"{after - before:.12g}")})
    return changes


def _is_comparable(cells: pd.Series[Any]) -> bool:
    import pandas as pd

    if is_number(cells) or pd.api.types.is_bool_dtype(cells):
        return True
    known = cells.dropna()
    if known.map(lambda v: isinstance(v, bytes)).any():
        return False
    return bool(known.nunique() <= MOST_CATEGORIES)


def _cell(value: Any, cells: pd.Series[Any], column: str) -> pd.Series[Any]:
    """A declared value as one cell of the column's own type."""
    import pandas as pd

    kinds = pd.api.types
    if is_number(cells):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                "reference_applicant: {column} = {value!r}, and the column holds numbers",
                remedy="give a number",
                column=column,
                value=value,
            )
        made = pd.Series([value])
        whole = kinds.is_integer_dtype(cells) and float(value).is_integer()
        return made.astype(cells.dtype) if whole or kinds.is_float_dtype(cells) else made
    known = sorted(set(texts(cells)[0]) - {""})
    meant = match_label(str(value), known)
    if meant is None:
        raise InputError(
            "reference_applicant: {column} = {value!r} does not occur in the data",
            remedy=nearest(str(value), known),
            column=column,
            value=value,
        )
    first = int((texts(cells)[0] == meant).argmax())
    return cells.iloc[[first]].reset_index(drop=True)
