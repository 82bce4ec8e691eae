"""Artifacts of the fairness checks: sweeps of thresholds, calibration, error heat maps, tables."""

from __future__ import annotations

from collections.abc import Sized
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from evenhand.audit.artifacts.artifact import (
    ArtifactDocument,
    AtLeastOne,
    Counts,
    Gaps,
    Names,
    Number,
    Numbers,
    Tuple,
    require_length,
)
from evenhand.audit.files.shapes import Shape

CountName = Literal["tp", "fp", "fn", "tn"]


class RateParts(Shape):
    """Which counts (tp, fp, fn, tn) are a rate's cases, and which its rows."""

    cases: Annotated[tuple[CountName, ...], Tuple]
    rows: Annotated[tuple[CountName, ...], Tuple]


class Band(Shape):
    """A confidence band, a number for each threshold; null where the rate has no rows."""

    low: Gaps
    high: Gaps


class SweptGroup(Shape):
    """One group's counts at each threshold, and the bands of its rates."""

    group: dict[str, str]
    tp: Counts
    fp: Counts
    fn: Counts
    tn: Counts
    bands: dict[str, Band]

    def sum_at(self, names: tuple[CountName, ...], place: int) -> int:
        """The sum of some of the counts at the ``place``-th threshold."""
        return sum(self._counts(name)[place] for name in names)

    def _counts(self, name: CountName) -> Counts:
        return {"tp": self.tp, "fp": self.fp, "fn": self.fn, "tn": self.tn}[name]


class Thresholds(ArtifactDocument):
    """``fairness.thresholds.json``: counts of each group at every threshold. ``threshold`` is the
    subject's own; ``left_out`` the sets of features with too many groups."""

    FILE: ClassVar[str] = "fairness.thresholds.json"
    schema_: Literal["evenhand-thresholds/1"] = Field("evenhand-thresholds/1", alias="schema")
    level: Number
    threshold: Number | None
    thresholds: Annotated[tuple[Number, ...], Tuple, AtLeastOne]
    rates: Annotated[dict[str, RateParts], AtLeastOne]
    groups: Annotated[tuple[SweptGroup, ...], Tuple]
    left_out: Annotated[tuple[Names, ...], Tuple] = ()

    @model_validator(mode="after")
    def _one_entry_a_threshold(self) -> Self:
        for i, one in enumerate(self.groups):
            missing = sorted(set(self.rates) - set(one.bands))
            if missing:
                raise ValueError(f"groups.{i}.bands lacks {missing[0]!r}")
            counts = {"tp": one.tp, "fp": one.fp, "fn": one.fn, "tn": one.tn}
            lists: list[tuple[str, Sized]] = list(counts.items())
            for rate, band in one.bands.items():
                lists += [(f"bands.{rate}.low", band.low), (f"bands.{rate}.high", band.high)]
            told = [(f"groups.{i}.{name}", cells) for name, cells in lists]
            require_length(len(self.thresholds), told)
        return self


class Bin(Shape):
    """Rows of similar scores: the share of positives among them with its interval."""

    n: int
    positives: int
    mean_score: Number
    low: Number
    high: Number
    rate_low: Number | None
    rate_high: Number | None


class Curve(Shape):
    """One group's bins, by rising score."""

    group: dict[str, str]
    bins: Annotated[tuple[Bin, ...], Tuple]


class Calibration(ArtifactDocument):
    """``fairness.calibration.json``: a reliability curve for each group."""

    FILE: ClassVar[str] = "fairness.calibration.json"
    schema_: Literal["evenhand-calibration/1"] = Field("evenhand-calibration/1", alias="schema")
    level: Number
    bins: str
    curves: Annotated[tuple[Curve, ...], Tuple]


class Node(Shape):
    """A node of the error tree: the rows where ``column`` has (or has not) ``level``."""

    id: int
    parent: int | None
    column: str
    level: str
    is_level: bool
    rows: int
    errors: int


class ColumnErrors(Shape):
    """Rows and errors of each level of a column."""

    column: str
    levels: Names
    rows: Counts
    errors: Counts


class PairErrors(Shape):
    """Rows and errors of each crossing of two columns' levels."""

    columns: Names
    rows: Annotated[tuple[Counts, ...], Tuple]
    errors: Annotated[tuple[Counts, ...], Tuple]


class TestedGroup(Shape):
    """A candidate, tested on the half of the rows that was not searched."""

    group: dict[str, str]
    errors: int
    rows: int
    other_errors: int
    other_rows: int
    p_value: Number
    adjusted: Number


class WorstGroups(ArtifactDocument):
    """``fairness.worst_groups.json``: where the errors of a sample of rows lie."""

    FILE: ClassVar[str] = "fairness.worst_groups.json"
    schema_: Literal["evenhand-worst-groups/1"] = Field("evenhand-worst-groups/1", alias="schema")
    rows: int
    errors: int
    tree: Annotated[tuple[Node, ...], Tuple, AtLeastOne]
    columns: Annotated[tuple[ColumnErrors, ...], Tuple]
    pairs: Annotated[tuple[PairErrors, ...], Tuple]
    tested: Annotated[tuple[TestedGroup, ...], Tuple]

    @model_validator(mode="after")
    def _tree_and_tables_fit(self) -> Self:
        seen: set[int | None] = {None}
        for node in self.tree:
            if node.parent not in seen:
                raise ValueError(f"node {node.id} of the tree stands before its parent")
            seen.add(node.id)
        levels = {one.column: len(one.levels) for one in self.columns}
        for one in self.columns:
            told = (("rows", one.rows), ("errors", one.errors))
            require_length(levels[one.column], [(f"{one.column}.{n}", c) for n, c in told])
        for i, pair in enumerate(self.pairs):
            require_length(2, [(f"pairs.{i}.columns", pair.columns)])
            unknown = sorted(set(pair.columns) - set(levels))
            if unknown:
                raise ValueError(f"pairs.{i} crosses {unknown[0]!r}, which is not in columns")
            first, second = (levels[c] for c in pair.columns)
            for name, table in (("rows", pair.rows), ("errors", pair.errors)):
                require_length(first, [(f"pairs.{i}.{name}", table)])
                require_length(second, [(f"pairs.{i}.{name}.{j}", r) for j, r in enumerate(table)])
        return self


class GroupConfusion(Shape):
    """Rows of one group by true class (outer) and predicted class (inner)."""

    group: dict[str, str]
    table: Annotated[tuple[Numbers, ...], Tuple]


class ClassTables(ArtifactDocument):
    """``fairness.class_rates.json``: a confusion table for each group."""

    FILE: ClassVar[str] = "fairness.class_rates.json"
    schema_: Literal["evenhand-class-tables/1"] = Field("evenhand-class-tables/1", alias="schema")
    classes: Names
    groups: Annotated[tuple[GroupConfusion, ...], Tuple]
