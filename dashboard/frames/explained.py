"""Tables of the explanations page, from the attributions that a case keeps.

Pure; the fields are documented in ``evenhand.audit.attribution.artifact``. Nothing is computed but
an order and places on a drawing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from evenhand.audit.artifacts.artifact import Cell
from evenhand.audit.artifacts.explanation import (
    Attributions,
    AttributionsByGroup,
    ColumnChange,
    Counterfactuals,
    Reasons,
    Refused,
    TurnedDecision,
)
from evenhand.audit.words.text import visible
from evenhand.dashboard.cases.index import group_axis, group_key, group_name
from evenhand.dashboard.i18n import Translator

BAR_COLUMNS = ("column", "value", "low", "high", "mean", "share", "n")
BY_GROUP_COLUMNS = ("group", "column", "value", "n", "rank", "chosen")
SWARM_COLUMNS = ("column", "attribution", "input", "tone", "row", "spread")
PERSON_COLUMNS = ("column", "input", "attribution", "direction")
_MOST_BARS, _MOST_SWARMS, _MOST_PERSON = 15, 10, 15
_LANES = 9
_PROBABILITY = re.compile("probability of label '(.*)'")


def target_words(target: object, t: Translator) -> str:
    """What is explained, in the reader's language where the audit named it in its usual words."""
    found = _PROBABILITY.fullmatch(str(target))
    return visible(t("explained.probability_of", label=found[1]) if found else target)


def bar_frame(document: Attributions) -> pd.DataFrame:
    """One row a column, the strongest first, with BAR_COLUMNS."""
    rows = [
        (
            visible(c.column),
            c.mean_absolute,
            c.low,
            c.high,
            c.mean,
            c.share,
            document.n,
        )
        for c in document.columns
    ]
    frame = pd.DataFrame(rows, columns=list(BAR_COLUMNS))
    for column in ("value", "low", "high", "mean", "share"):
        frame[column] = frame[column].astype("float64")
    return frame


def by_group_frame(
    document: AttributionsByGroup, features: str, who: str, t: Translator
) -> pd.DataFrame:
    """One row a group and column, with BY_GROUP_COLUMNS: the columns that matter most to all.

    The groups are those of one set of features (``frames.axis``), and all rows.
    """
    order = _strongest(document)
    rows = []
    for member in document.groups:
        key = group_key(member.group)
        if key and group_axis(key) != features:
            continue
        for i in order:
            rows.append(
                (
                    group_name(key) if key else t("about.all"),
                    visible(document.columns[i]),
                    member.mean_absolute_attribution[i],
                    member.n,
                    member.rank[i],
                    bool(key) and key == who,
                )
            )
    return pd.DataFrame(rows, columns=list(BY_GROUP_COLUMNS))


def by_group_axes(document: AttributionsByGroup) -> list[str]:
    """The sets of features whose groups have attributions of their own."""
    found = {group_axis(group_key(one.group)) for one in document.groups} - {""}
    return sorted(found, key=lambda key: (key.count("&"), key))


def _strongest(document: AttributionsByGroup) -> list[int]:
    overall = next((one for one in document.groups if not one.group), document.groups[0])
    values = overall.mean_absolute_attribution
    return sorted(range(len(values)), key=lambda i: -(values[i] or 0.0))[:_MOST_BARS]


def swarm_frame(document: Attributions) -> pd.DataFrame:
    """One row a kept row and strong column, with SWARM_COLUMNS.

    ``tone`` is the place of the input among the column's inputs, 0 (lowest) to 1; missing where
    it has no order. ``spread`` is a place across the row, so that dots don't hide each other.
    """
    strong = [c.column for c in document.columns if c.mean_absolute][:_MOST_SWARMS]
    rows = []
    for column in strong:
        values = document.values.get(column, ())
        inputs = document.inputs.get(column) or [None] * len(values)
        is_number = column in document.numeric
        tones = _tones(inputs) if is_number else [None] * len(values)
        lanes = _lanes(values)
        for i, value in enumerate(values):
            if value is not None:
                shown = "" if inputs[i] is None else visible(inputs[i])
                place = document.rows.numbers[i]
                rows.append((visible(column), value, shown, tones[i], place, lanes[i]))
    frame = pd.DataFrame(rows, columns=list(SWARM_COLUMNS))
    frame["tone"] = frame["tone"].astype("float64")
    return frame


def dependence_frame(document: Attributions, column: str) -> pd.DataFrame:
    """Input against attribution of one column, a row a kept row."""
    inputs, values = document.inputs[column], document.values[column]
    is_number = column in document.numeric
    rows = [
        (x if is_number else visible(x), y, document.rows.numbers[i])
        for i, (x, y) in enumerate(zip(inputs, values, strict=True))
        if x is not None and y is not None
    ]
    return pd.DataFrame(rows, columns=["input", "attribution", "row"])


def row_numbers(
    attributions: Attributions | None, reasons: Reasons | None, changes: Counterfactuals | None
) -> list[int]:
    """The rows of the data file that the case explains in any way, in order."""
    kept = attributions.rows.numbers if attributions else ()
    held = {number for number in kept if number is not None}
    for other in (reasons, changes):
        held |= {person.row for person in (other.people if other else ())}
    return sorted(held)


def position(document: Attributions, row: int) -> int | None:
    """The place of a row of the data file among the kept rows."""
    numbers = document.rows.numbers
    return numbers.index(row) if row in numbers else None


def person_frame(document: Attributions, place: int, t: Translator) -> pd.DataFrame:
    """One row a column of one person, the strongest first, with PERSON_COLUMNS."""
    rows = []
    for column, values in document.values.items():
        value = values[place]
        if value:
            cells = document.inputs.get(column)
            cell = "" if not cells or cells[place] is None else cells[place]
            word = t("explained.raises") if value > 0 else t("explained.lowers")
            rows.append((visible(column), visible(cell), value, word))
    rows.sort(key=lambda r: -abs(r[2]))
    return pd.DataFrame(rows[:_MOST_PERSON], columns=list(PERSON_COLUMNS))


def reasons_frame(person: Refused, document: Reasons, t: Translator) -> pd.DataFrame:
    """The principal reasons of one adverse decision, in order."""
    values = document.reference.values
    rows = [
        {
            "place": i,
            "column": visible(reason.column),
            "compared": t.term("compared", reason.compared),
            "reference": visible("" if (own := values.get(reason.column)) is None else own),
            "push": reason.push,
            "rise": reason.rise,
        }
        for i, reason in enumerate(person.reasons, start=1)
    ]
    return pd.DataFrame(rows, columns=["place", "column", "compared", "reference", "push", "rise"])


def changes_frame(person: TurnedDecision) -> pd.DataFrame:
    """The smallest change found that turns the decision, a row a column."""
    rows = [(visible(change.column), _change(change)) for change in person.changes]
    return pd.DataFrame(rows, columns=["column", "change"])


def _change(change: ColumnChange) -> str:
    if change.by is not None:
        return f"{change.by:+g}"
    return f"→ {visible('' if change.to is None else change.to)}"


def word_frame(document: Attributions, place: int) -> pd.DataFrame:
    """The words of one text with their attributions, in reading order."""
    text = document.texts[place]
    pairs = [(visible(w), v) for w, v in zip(text.words, text.values, strict=True)]
    return pd.DataFrame(pairs, columns=["word", "attribution"])


def _tones(inputs: Sequence[Cell]) -> list[float | None]:
    numbers = [float(x) if isinstance(x, int | float) else None for x in inputs]
    known = sorted({x for x in numbers if x is not None})
    if len(known) < 2:
        return [None] * len(inputs)
    places = {x: i / (len(known) - 1) for i, x in enumerate(known)}
    return [None if x is None else places[x] for x in numbers]


def _lanes(values: Sequence[float | None]) -> list[float]:
    """A lane, from -1 to 1, for each value: neighbours on the axis get different lanes."""
    known = [(value, i) for i, value in enumerate(values) if value is not None]
    lanes = [0.0] * len(values)
    for place, (_, i) in enumerate(sorted(known)):
        step = place % _LANES
        side = -1 if step % 2 else 1
        lanes[i] = side * ((step + 1) // 2) / (_LANES // 2)
    return lanes
