"""Which rows are trained on, validated on and held out, for every kind of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import Table, renumbered, texts
from evenhand.audit.errors import InputError, nearest
from evenhand.trainers.data.split import Split, n_twins, split
from evenhand.trainers.data.units import capped, require_units

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.trainers.recipe.recipe import Recipe


def with_target(
    frame: pd.DataFrame, target: str, what: str = ""
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that have a target, and a note of how many do not."""
    _, is_missing = texts(frame[target])
    if not is_missing.any():
        return frame, ()
    left_out = int(is_missing.sum())
    return frame[~is_missing], (f"{what}{left_out} rows without a {target!r} were left out",)


def table_of_its_own(
    path: str | None,
    what: str,
    read: Callable[[str], Table],
    like: pd.DataFrame,
    target: str | None = None,
) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """The rows of ``test_data`` or ``validation_data`` (``what``) with the columns of ``like`` in
    their order, and notes; None where no path is given. Raises InputError."""
    if path is None:
        return None, ()
    table = read(path)
    table.require(like.columns, f"{what} lacks a column of the training data:")
    frame, notes = table.frame[list(like.columns)], tuple[str, ...]()
    if target is not None:
        frame, notes = with_target(frame, target, f"{what}: ")
    if frame.empty:
        raise InputError(
            "{what}={path!r} has no row to use", remedy="add rows", what=what, path=path
        )
    return frame, notes


def split_rows(
    recipe: Recipe,
    frame: pd.DataFrame,
    *,
    classes_of: str | None,
    test: pd.DataFrame | None = None,
    validation: pd.DataFrame | None = None,
) -> tuple[Split, tuple[str, ...]]:
    """The recipe's split of ``frame``, and notes; ``test`` and ``validation`` are tables of their
    own that take the place of a share.

    With a ``unit`` whole units are held out, and in private training a unit keeps at most
    ``max_rows_per_unit`` training rows. Raises InputError.
    """
    unit, notes = recipe.unit, []
    if unit is None:
        rows = _split(recipe, frame, classes_of, test)
    else:
        require_units(frame, unit, "the data")
        rows, note = _split_units(recipe, frame, unit, classes_of, test)
        notes += [note] if note else []
    if validation is not None:
        rows = replace(rows, validation=renumbered(validation))
    if unit is not None:
        notes += _shared_units(rows, unit)
    notes += _absent_classes(rows, classes_of)
    if rows.n_twins:
        notes.append(f"{rows.n_twins} held-out rows equal a training row in every cell")
    return rows, tuple(notes)


def _split(
    recipe: Recipe,
    frame: pd.DataFrame,
    classes_of: str | None,
    test: pd.DataFrame | None,
    keyed_by: str | None = None,
) -> Split:
    return split(
        frame,
        share=recipe.test_share,
        validation_share=recipe.validation_share,
        seed=recipe.seed,
        classes_of=classes_of,
        test=test,
        keyed_by=keyed_by,
    )


def _split_units(
    recipe: Recipe,
    frame: pd.DataFrame,
    unit: str,
    classes_of: str | None,
    test: pd.DataFrame | None,
) -> tuple[Split, str]:
    """A unit is held out with all its rows, by a hash of its name alone."""
    whole = _split(recipe, frame, classes_of, test, keyed_by=unit)
    if recipe.private is None:
        return whole, ""
    most = recipe.private.max_rows_per_unit or 1
    train = renumbered(capped(whole.train, unit, most, recipe.seed))
    note = (
        f"{train[unit].nunique()} units of {unit!r} are trained on, with at most {most} rows "
        f"each: {len(whole.train) - len(train)} rows were left out"
    )
    return replace(whole, train=train, n_twins=n_twins(train, whole.test)), note


def _shared_units(rows: Split, unit: str) -> list[str]:
    """A note where tables of their own hold rows of units that are trained on."""
    known = set(texts(rows.train[unit])[0])
    notes = []
    for name, part in (("held-out", rows.test), ("validation", rows.validation)):
        if part is None or unit not in part.columns:
            continue
        shared = known & set(texts(part[unit])[0])
        if shared:
            notes.append(f"{len(shared)} units of {unit!r} with {name} rows are trained on too")
    return notes


def _absent_classes(rows: Split, column: str | None) -> list[str]:
    """A note for each part without a row of a class that is trained on."""
    if column is None:
        return []
    known = set(texts(rows.train[column])[0])
    notes = []
    for name, part in (("held-out", rows.test), ("validation", rows.validation)):
        if part is None or column not in part.columns:
            continue
        absent = sorted(known - set(texts(part[column])[0]))
        shown = ", ".join(map(repr, absent[:5])) + (" ..." if len(absent) > 5 else "")
        notes += [f"no {name} row is of class {shown} of {column!r}"] if absent else []
    return notes


def require_known(rows: Split, column: str, classes: tuple[str, ...]) -> None:
    """Raises InputError for a label of held-out or validation rows that no training row has."""
    for name, part in (("held-out", rows.test), ("validation", rows.validation)):
        if part is None:
            continue
        unknown = sorted(set(texts(part[column])[0]) - set(classes))
        if unknown:
            raise InputError(
                "{column!r} is {unknown!r} in {name} rows and in no training row",
                remedy=nearest(unknown[0], classes),
                column=column,
                unknown=unknown[0],
                name=name,
            )


def split_record(recipe: Recipe, rows: Split) -> dict[str, Any]:
    """What split.json says of a table's split, beside seed, shares and digests."""
    named = {"test_share": None, "test_data": recipe.test_data} if recipe.test_data else {}
    units = {"unit": recipe.unit} if recipe.unit else {}
    twins = {"held_out_rows_equal_to_a_training_row": rows.n_twins}
    return {
        "method": "each row by a keyed hash of itself"
        if recipe.unit is None
        else "each unit by a keyed hash of its name",
        **named,
        **units,
        "validation_data": recipe.validation_data,
        **(twins if recipe.private is None else {}),  # a count of private rows
        "n_validation": 0 if rows.validation is None else len(rows.validation),
    }
