"""Artifacts of the explanation checks; numbers of rows are places in the data file, from 1."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from evenhand.audit.artifacts.artifact import (
    Cell,
    Cells,
    Document,
    Gaps,
    Names,
    Numbers,
    Tuple,
)
from evenhand.audit.files.shapes import Number, Shape


class ColumnPush(Shape):
    """A column's mean |attribution| with its interval, its mean, its share of all columns'."""

    column: str
    mean_absolute: Number | None
    low: Number | None
    high: Number | None
    mean: Number | None
    share: Number | None


class KeptRows(Shape):
    """What is kept row by row."""

    numbers: Annotated[tuple[int | None, ...], Tuple]
    output: Gaps
    baseline_output: Gaps
    gap: Gaps
    target: Annotated[tuple[str | None, ...], Tuple]


class KeptText(Shape):
    """One text: its words and their attributions."""

    words: Names
    values: Gaps
    continuation: str | None = None


class Word(Shape):
    """A word that occurs twice or more, over all explained rows."""

    word: str
    n: int
    mean: Number | None
    mean_absolute: Number | None


class Map(Shape):
    """height x width signed bytes in base64; attribution = level / 127 * scale."""

    scale: Number
    levels: str


class Attributions(Document):
    """``explanation.attribution.json``; see ``evenhand.audit.attribution.artifact`` for what each
    field means. Of the last fields a table has values, inputs, numeric; text has texts and words;
    an image has height, width, colours, maps and images."""

    schema_: Literal["evenhand-attributions/1"] = Field(alias="schema")
    kind: Literal["tabular", "text", "generation", "image"]
    name: str
    method: str
    unit: str
    target: str
    baseline: str
    exact: bool
    complete: bool
    n: int
    n_rows: int
    columns: Annotated[tuple[ColumnPush, ...], Tuple]
    rows: KeptRows
    values: dict[str, Gaps] = Field(default_factory=dict)
    inputs: dict[str, Cells] = Field(default_factory=dict)
    numeric: Names = ()
    texts: Annotated[tuple[KeptText, ...], Tuple] = ()
    words: Annotated[tuple[Word, ...], Tuple] = ()
    height: int = 0
    width: int = 0
    colours: int = 1
    maps: Annotated[tuple[Map, ...], Tuple] = ()
    images: Names = ()


class GroupColumns(Shape):
    """One group's mean |attribution| of each column, and each column's rank (1 the strongest)."""

    group: dict[str, str]
    n: int
    mean_absolute_attribution: Gaps
    rank: Gaps


class AttributionsByGroup(Document):
    """``explanation.by_group.json``: all rows first, then each group."""

    schema_: Literal["evenhand-attributions-by-group/1"] = Field(alias="schema")
    columns: Names
    unit: str
    method: str
    groups: Annotated[tuple[GroupColumns, ...], Tuple]


class Point(Shape):
    """A mean with its interval, null without one."""

    mean: Number | None
    low: Number | None
    high: Number | None


class QualityCurves(Document):
    """``explanation.quality-curves.json``: the output as columns are taken away or put in, in the
    attribution's order and by chance."""

    schema_: Literal["evenhand-explanation-curves/1"] = Field(alias="schema")
    unit: str
    level: Number
    n: int
    method: str
    parts: str = "columns"
    share_of_columns: Numbers
    deletion: Annotated[tuple[Point, ...], Tuple]
    insertion: Annotated[tuple[Point, ...], Tuple]
    random_deletion: Annotated[tuple[Point, ...], Tuple]


class ReferenceApplicant(Shape):
    """Whom refused people are compared with."""

    declared: Names
    favourable_rows: int
    values: dict[str, Cell]
    is_favourable: bool
    score: Number


class Reason(Shape):
    """A column that speaks against a person: how far it pushes, and how far the score would rise
    with the reference's value in it; ``compared`` says on which side of the reference it is."""

    column: str
    push: Number
    rise: Number
    compared: str


class Refused(Shape):
    """One refused person's reasons, the strongest first."""

    row: int
    reasons: Annotated[tuple[Reason, ...], Tuple]


class Proxy(Shape):
    """Why a column stands in for a sensitive feature."""

    feature: str
    group: str
    auc: Number | None


class Reasons(Document):
    """``explanation.reasons.json``: what decided against each sampled person."""

    schema_: Literal["evenhand-reasons/1"] = Field(alias="schema")
    method: str
    reference: ReferenceApplicant
    sensitive: Names
    proxies: dict[str, Proxy]
    people: Annotated[tuple[Refused, ...], Tuple]


class Change(Shape):
    """One column's change: by a number, or to a category (or from a missing cell)."""

    column: str
    by: Number | None = None
    to: Cell = None


class Turned(Shape):
    """The smallest change that turns one person's refusal, if one was found."""

    row: int
    is_found: bool
    changes: Annotated[tuple[Change, ...], Tuple] = ()
    cost: Number | None = None
    distance: Number | None = None
    plausibility: Number | None = None


class Counterfactuals(Document):
    """``explanation.counterfactual.json``; ``immutable`` says of each fixed column why it is."""

    schema_: Literal["evenhand-counterfactuals/1"] = Field(alias="schema")
    bounds: str
    immutable: dict[str, str]
    people: Annotated[tuple[Turned, ...], Tuple]
