"""A table and a plan -> the masked table, the plan with the levels that were chosen, and what holds
before and after, measured on the tables themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenhand.audit.case.secret import Secret
from evenhand.audit.data.cells import is_number
from evenhand.audit.data.table import Table, texts
from evenhand.audit.errors import InputError
from evenhand.audit.masking.plan import Action, Generalise, Level, MaskPlan, Noise, Swap
from evenhand.audit.masking.recoding import codes_of, ladder, recoded
from evenhand.audit.masking.search import Asked, Cells, Searched, holding, search
from evenhand.audit.measure.exposure.classes import (
    Diversity,
    classes_of,
    confidential_codes,
    diversity,
    level_codes,
)
from evenhand.audit.measure.exposure.columns import exposed_columns
from evenhand.audit.words.numbers import in_percent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_PURPOSE = "token of a masked table: "
_TOKEN = 20  # hexadecimal digits: 80 bits, so that a million people share none


@dataclass(frozen=True)
class TableExposure:
    """What a table tells: people in the smallest class, the share of people who stand alone and of
    those in classes under the plan's k, and distinct l, entropy l and t by confidential column."""

    n_rows: int
    k: int
    unique_rate: float
    small_class_rate: float
    confidential: Mapping[str, Diversity]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "n_rows": self.n_rows,
            "k_anonymity": self.k,
            "unique_rate": self.unique_rate,
            "small_class_rate": self.small_class_rate,
            "confidential": {
                column: {
                    "l_diversity": had.distinct,
                    "entropy_l_diversity": had.entropy,
                    "t_closeness": had.distance,
                }
                for column, had in self.confidential.items()
            },
        }


@dataclass(frozen=True, eq=False)
class MaskedTable:
    """``frame``: the masked rows; ``recoded``: all rows, also those that were left out, in the
    table's order; ``kept``: which rows were kept, bool of shape (n,); ``plan`` with the levels
    that were chosen; ``searched``: None where a plan that had chosen was applied again."""

    frame: pd.DataFrame
    recoded: pd.DataFrame
    kept: np.ndarray
    plan: MaskPlan
    before: TableExposure
    after: TableExposure
    searched: Searched | None

    @property
    def holds(self) -> bool:
        """Whether the masked table has what the plan asks for."""
        limits, had = self.plan, self.after
        return had.k >= limits.k and all(
            told.distinct >= limits.l and (limits.t is None or told.distance <= limits.t)
            for told in had.confidential.values()
        )


def mask(table: Table, plan: MaskPlan, secret: Secret) -> MaskedTable:
    """The table with what the plan makes of it; tokens are MACs by ``secret``: equal cells of
    columns of one name get the same token wherever it was made with the same secret.

    Raises InputError for columns that are not there, columns that name people and are not in the
    plan, and where no combination of levels makes the classes that are asked for.
    """
    frame = table.frame
    named = [*plan.quasi_identifiers, *plan.confidential, *plan.columns]
    table.require([*named, *([plan.unit] if plan.unit else [])], "column of the mask")
    _require_said(frame, plan)
    plan = _with_ladders(frame, plan)
    people = None if plan.unit is None else level_codes(frame[plan.unit])
    searched, kept = None, _all_rows(frame)
    if plan.chosen is None:
        plan, searched, kept = _search(frame, plan, people)
    made = _applied(frame, plan, secret)
    after = frame_exposure(made[kept], plan, None if people is None else people[kept])
    return MaskedTable(
        made[kept], made, kept, plan, frame_exposure(frame, plan, people), after, searched
    )


def _all_rows(frame: pd.DataFrame) -> np.ndarray:
    import numpy as np

    return np.ones(len(frame), dtype=bool)


def _require_said(frame: pd.DataFrame, plan: MaskPlan) -> None:
    said = {*plan.columns, *plan.quasi_identifiers}
    unsaid = [one.column for one in exposed_columns(frame) if one.column not in said]
    if unsaid:
        raise InputError(
            "these columns name people, and the plan doesn't say what becomes of them: {names}",
            remedy="write under columns: {name}: drop, tokenise or keep",
            names=", ".join(unsaid),
            name=unsaid[0],
        )


def _with_ladders(frame: pd.DataFrame, plan: MaskPlan) -> MaskPlan:
    """The plan with the levels of every quasi-identifier written out."""
    made: dict[str, Action] = dict(plan.columns)
    for column in plan.quasi_identifiers:
        action = made.get(column, Generalise(levels="auto"))
        assert isinstance(action, Generalise)
        if action.levels == "auto":
            action = Generalise(levels=ladder(frame[column]))
        made[column] = action
    return plan.model_copy(update={"columns": made})


def _search(
    frame: pd.DataFrame, plan: MaskPlan, people: np.ndarray | None
) -> tuple[MaskPlan, Searched, np.ndarray]:
    cells, of = _cells(frame, plan, people)
    limits = Asked(plan.k, plan.l, plan.t, plan.leave_out)
    searched = search(cells, limits)
    if searched.best is not None and searched.best.n_left_out and plan.t is not None:
        # the distance is to a table that lacks the rows left out: looked at again, else none are
        kept = holding(cells, searched.best.levels, limits)[of]
        chosen = _chosen(plan, searched.best.levels)
        own = None if people is None else people[kept]
        left = _applied(frame, chosen, None)[kept]
        if any(d.distance > plan.t for d in frame_exposure(left, plan, own).confidential.values()):
            limits = Asked(plan.k, plan.l, plan.t, 0.0)
            searched = search(cells, limits)
    if searched.best is None:
        raise InputError(
            "no combination of levels has what the plan asks for: the best of {n} leaves "
            "{share} of the rows in classes that are too small or too alike",
            remedy="add coarser levels, leave_out more rows, name fewer quasi_identifiers, or ask "
            "for a smaller k or l or a larger t",
            n=searched.n_tried,
            share=in_percent(searched.fewest_left_out / cells.n),
        )
    kept = holding(cells, searched.best.levels, limits)[of]
    return _chosen(plan, searched.best.levels), searched, kept


def _chosen(plan: MaskPlan, levels: Sequence[int]) -> MaskPlan:
    by_column = dict(zip(plan.quasi_identifiers, levels, strict=True))
    return plan.model_copy(update={"chosen": by_column})


def _cells(
    frame: pd.DataFrame, plan: MaskPlan, people: np.ndarray | None
) -> tuple[Cells, np.ndarray]:
    """The table as the search sees it, and the cell of each row."""
    import numpy as np

    levels = [codes_of(frame[c], plan.levels(c)) for c in plan.quasi_identifiers]
    secret = [confidential_codes(frame[c]) for c in plan.confidential]
    looked_at = [each[0] for each in levels] + [codes for codes, _ in secret]
    if people is not None:
        looked_at.append(people)
    _, first, of, rows = np.unique(
        np.stack(looked_at, axis=1),
        axis=0,
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    cells = Cells(
        levels=[[codes[first] for codes in each] for each in levels],
        rows=rows,
        people=None if people is None else people[first],
        confidential=[(codes[first], is_ordered) for codes, is_ordered in secret],
    )
    return cells, of.reshape(-1)


def frame_exposure(frame: pd.DataFrame, plan: MaskPlan, people: np.ndarray | None) -> TableExposure:
    """What ``frame`` tells by the plan's quasi-identifiers and confidential columns."""
    classes = classes_of(frame, plan.quasi_identifiers, people)
    n = classes.n_people()
    return TableExposure(
        n_rows=len(frame),
        k=classes.k,
        unique_rate=classes.n_in_classes_under(2) / n,
        small_class_rate=classes.n_in_classes_under(plan.k) / n,
        confidential={c: diversity(classes.codes, frame[c]) for c in plan.confidential},
    )


def _applied(frame: pd.DataFrame, plan: MaskPlan, secret: Secret | None) -> pd.DataFrame:
    """Every row recoded; without a secret the quasi-identifiers alone (to look at classes)."""
    made = frame.copy(deep=False)
    assert plan.chosen is not None
    for column, level in plan.chosen.items():
        if level:
            made[column] = recoded(frame[column], _level(plan, column, level))
    if secret is None:
        return made
    for column, action in plan.columns.items():
        if action == "drop":
            made = made.drop(columns=column)
        elif action == "tokenise":
            made[column] = _tokens(frame[column], secret)
        elif isinstance(action, Noise | Swap):
            made[column] = _perturbed(frame[column], action)
    return made


def _level(plan: MaskPlan, column: str, level: int) -> Level:
    levels = plan.levels(column)
    if not 0 < level <= len(levels):
        raise InputError(
            "the plan chose level {level} of {column!r}, which has {n}",
            remedy="take out chosen, so that the levels are searched for again",
            level=level,
            column=column,
            n=len(levels),
        )
    return levels[level - 1]


def _tokens(column: pd.Series[Any], secret: Secret) -> pd.Series[Any]:
    """Keyed digests of the cells' texts, which nobody without the key can recompute."""
    import pandas as pd

    names, missing = texts(column)
    purpose = _PURPOSE + str(column.name)
    known = {name: _token(secret, purpose, name) for name in set(names[~missing])}
    cells = [None if absent else known[name] for name, absent in zip(names, missing, strict=True)]
    return pd.Series(cells, index=column.index, dtype=object)


def _token(secret: Secret, purpose: str, text: str) -> str:
    return secret.mac(purpose, text.encode()).partition(":")[2][:_TOKEN]


def _perturbed(column: pd.Series[Any], action: Noise | Swap) -> pd.Series[Any]:
    """Cells with noise of the operating system's seed, which is kept nowhere: a seed that could be
    read again would take the noise off. Missing cells stay so."""
    import numpy as np

    drawn = np.random.default_rng(int.from_bytes(os.urandom(16)))
    known = column.notna()
    if isinstance(action, Noise):
        if not is_number(column):
            raise InputError(
                "{column!r} holds no numbers, which noise could be added to",
                remedy="write swap: CHANCE for categories",
                column=str(column.name),
            )
        return column.astype(float) + drawn.laplace(scale=action.noise, size=len(column))
    others = column[known].to_numpy()
    is_swapped = known.to_numpy() & (drawn.random(len(column)) < action.swap)
    made = column.astype(object).copy()
    made[is_swapped] = others[drawn.integers(0, len(others), int(is_swapped.sum()))]
    return made
