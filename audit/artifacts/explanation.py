"""Artifacts of the explanation checks; numbers of rows are places in the data file, from 1."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from evenhand.audit.artifacts.artifact import (
    ArtifactDocument,
    AtLeastOne,
    Cell,
    Cells,
    Gaps,
    Names,
    Number,
    Numbers,
    Tuple,
    require_bytes,
    require_length,
)
from evenhand.audit.files.shapes import Shape


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

    @model_validator(mode="after")
    def _one_value_a_word(self) -> Self:
        require_length(len(self.words), [("values", self.values)])
        return self


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


class Attributions(ArtifactDocument):
    """``explanation.attribution.json``; see ``evenhand.audit.attribution.artifact`` for what each
    field means. Of the last fields a table has values, inputs, numeric; text has texts and words;
    an image has height, width, colours, maps and images."""

    FILE: ClassVar[str] = "explanation.attribution.json"
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
    columns: Annotated[tuple[ColumnPush, ...], Tuple, AtLeastOne]
    rows: KeptRows
    values: dict[str, Gaps] = Field(default_factory=dict)
    inputs: dict[str, Cells] = Field(default_factory=dict)
    numeric: Names = ()
    texts: Annotated[tuple[KeptText, ...], Tuple] = ()
    words: Annotated[tuple[Word, ...], Tuple] = ()
    height: Annotated[int, Field(ge=0)] = 0
    width: Annotated[int, Field(ge=0)] = 0
    colours: Annotated[int, Field(ge=1)] = 1
    maps: Annotated[tuple[Map, ...], Tuple] = ()
    images: Names = ()

    @model_validator(mode="after")
    def _one_entry_a_kept_row(self) -> Self:
        rows = self.rows
        parts = ("output", "baseline_output", "gap", "target")
        kept = [(f"rows.{part}", getattr(rows, part)) for part in parts]
        kept += [(f"values.{c}", cells) for c, cells in self.values.items()]
        kept += [(f"inputs.{c}", cells) for c, cells in self.inputs.items()]
        drawn = {"texts": self.texts, "maps": self.maps, "images": self.images}
        always = {"tabular": "values", "image": "maps"}.get(self.kind)
        kept += [(name, one) for name, one in drawn.items() if one or name == always]
        require_length(len(rows.numbers), kept)
        for i, one in enumerate(self.maps):
            require_bytes(f"maps.{i}.levels", one.levels, self.height * self.width)
        for i, image in enumerate(self.images):
            require_bytes(f"images.{i}", image, self.height * self.width * self.colours)
        if self.values:
            shown = {c.column for c in self.columns} | set(self.inputs) | set(self.numeric)
            unknown = sorted(shown - set(self.values))
            if unknown:
                raise ValueError(f"values lacks column {unknown[0]!r}")
        return self


class GroupColumns(Shape):
    """One group's mean |attribution| of each column, and each column's rank (1 the strongest)."""

    group: dict[str, str]
    n: int
    mean_absolute_attribution: Gaps
    rank: Gaps


class AttributionsByGroup(ArtifactDocument):
    """``explanation.by_group.json``: all rows first, then each group."""

    FILE: ClassVar[str] = "explanation.by_group.json"
    schema_: Literal["evenhand-attributions-by-group/1"] = Field(alias="schema")
    columns: Names
    unit: str
    method: str
    groups: Annotated[tuple[GroupColumns, ...], Tuple, AtLeastOne]

    @model_validator(mode="after")
    def _one_entry_a_column(self) -> Self:
        for i, one in enumerate(self.groups):
            told = (
                ("mean_absolute_attribution", one.mean_absolute_attribution),
                ("rank", one.rank),
            )
            require_length(len(self.columns), [(f"groups.{i}.{n}", cells) for n, cells in told])
        return self


class MeanPoint(Shape):
    """A mean with its interval, null without one."""

    mean: Number | None
    low: Number | None
    high: Number | None


class QualityCurves(ArtifactDocument):
    """``explanation.quality-curves.json``: the output as columns are taken away or put in, in the
    attribution's order and by chance."""

    FILE: ClassVar[str] = "explanation.quality-curves.json"
    schema_: Literal["evenhand-explanation-curves/1"] = Field(alias="schema")
    unit: str
    level: Number
    n: int
    method: str
    parts: str = "columns"
    share_of_columns: Numbers
    deletion: Annotated[tuple[MeanPoint, ...], Tuple]
    insertion: Annotated[tuple[MeanPoint, ...], Tuple]
    random_deletion: Annotated[tuple[MeanPoint, ...], Tuple]

    @model_validator(mode="after")
    def _one_point_a_share(self) -> Self:
        curves = ("deletion", "insertion", "random_deletion")
        require_length(len(self.share_of_columns), [(name, getattr(self, name)) for name in curves])
        return self


class ReferenceApplicant(Shape):
    """Whom refused people are compared with."""

    declared: Names
    favourable_rows: int
    values: dict[str, Cell]
    is_favourable: bool
    score: Number


Standing = Literal["below", "above", "different", "given", "missing"]


class ReasonAgainst(Shape):
    """A column that speaks against a person: how far it pushes, and how far the score would rise
    with the reference's value in it; ``compared`` says on which side of the reference it is."""

    column: str
    push: Number
    rise: Number
    compared: Standing


class Refused(Shape):
    """One refused person's reasons, the strongest first."""

    row: int
    reasons: Annotated[tuple[ReasonAgainst, ...], Tuple]


class Proxy(Shape):
    """Why a column stands in for a sensitive feature."""

    feature: str
    group: str
    auc: Number | None


class Reasons(ArtifactDocument):
    """``explanation.reasons.json``: what decided against each sampled person."""

    FILE: ClassVar[str] = "explanation.reasons.json"
    schema_: Literal["evenhand-reasons/1"] = Field(alias="schema")
    method: str
    reference: ReferenceApplicant
    sensitive: Names
    proxies: dict[str, Proxy]
    people: Annotated[tuple[Refused, ...], Tuple]


class ColumnChange(Shape):
    """One column's change: by a number, or to a category (or from a missing cell)."""

    column: str
    by: Number | None = None
    to: Cell = None


class TurnedDecision(Shape):
    """The smallest change that turns one person's refusal, if one was found."""

    row: int
    is_found: bool
    changes: Annotated[tuple[ColumnChange, ...], Tuple] = ()
    cost: Number | None = None
    distance: Number | None = None
    plausibility: Number | None = None


class Counterfactuals(ArtifactDocument):
    """``explanation.counterfactual.json``; ``immutable`` says of each fixed column why it is."""

    FILE: ClassVar[str] = "explanation.counterfactual.json"
    schema_: Literal["evenhand-counterfactuals/1"] = Field(alias="schema")
    bounds: str
    immutable: dict[str, str]
    people: Annotated[tuple[TurnedDecision, ...], Tuple]
