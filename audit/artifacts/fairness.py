"""Artifacts of the fairness checks: sweeps of thresholds, calibration, error heat maps, tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evenhand.audit.artifacts.artifact import Counts, Document, Gaps, Names, Numbers, Tuple
from evenhand.audit.files.shapes import Number, Shape


class RateParts(Shape):
    """Which counts (tp, fp, fn, tn) are a rate's cases, and which its rows."""

    cases: Names
    rows: Names


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


class Thresholds(Document):
    """``fairness.thresholds.json``: counts of each group at every threshold. ``threshold`` is the
    subject's own; ``left_out`` the sets of features with too many groups."""

    schema_: Literal["evenhand-thresholds/1"] = Field("evenhand-thresholds/1", alias="schema")
    level: Number
    threshold: Number | None
    thresholds: Numbers
    rates: dict[str, RateParts]
    groups: Annotated[tuple[SweptGroup, ...], Tuple]
    left_out: Annotated[tuple[Names, ...], Tuple] = ()


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


class Calibration(Document):
    """``fairness.calibration.json``: a reliability curve for each group."""

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


class WorstGroups(Document):
    """``fairness.worst_groups.json``: where the errors of a sample of rows lie."""

    schema_: Literal["evenhand-worst-groups/1"] = Field("evenhand-worst-groups/1", alias="schema")
    rows: int
    errors: int
    tree: Annotated[tuple[Node, ...], Tuple]
    columns: Annotated[tuple[ColumnErrors, ...], Tuple]
    pairs: Annotated[tuple[PairErrors, ...], Tuple]
    tested: Annotated[tuple[TestedGroup, ...], Tuple]


class Confusion(Shape):
    """Rows of one group by true class (outer) and predicted class (inner)."""

    group: dict[str, str]
    table: Annotated[tuple[Numbers, ...], Tuple]


class ClassTables(Document):
    """``fairness.class_rates.json``: a confusion table for each group."""

    schema_: Literal["evenhand-class-tables/1"] = Field("evenhand-class-tables/1", alias="schema")
    classes: Names
    groups: Annotated[tuple[Confusion, ...], Tuple]
