"""evenhand mitigate: a mitigated model, and what it does to people held out from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.api.settings import OpeningSettings
from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.commands.parts.derived import Derived, of, option, takes
from evenhand.audit.data.written.declared import READS, Reading
from evenhand.audit.errors import OK, InputError
from evenhand.audit.words.phrases import phrase
from evenhand.trainers.mitigation.options import MitigationRequest
from evenhand.trainers.validate import checked

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.audit.commands.parts.before_after import BeforeAfter
    from evenhand.audit.worker.opened import Opened
    from evenhand.trainers.mitigation.mitigate import MitigationResult


# Only formats of data alone are mitigated: there is nothing to allow.
@takes(
    Derived(MitigationRequest, reads=READS),
    Derived(OpeningSettings, leave_out=("allow_pickle", "allow_weak_isolation")),
)
def mitigate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model folder or .skops.")],
    *,
    options: dict[str, Any],
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Mitigate a model with Fairlearn, and compare before with after on held-out rows."""
    from evenhand.audit.commands.parts.before_after import before_after
    from evenhand.audit.worker.opening import open_model
    from evenhand.trainers.mitigation.mitigate import mitigate as run

    mitigation = checked(
        MitigationRequest, of(MitigationRequest, options), "the mitigation", as_options=True
    )
    rules = sh.rules(options)
    declared = mitigation.declared()
    opened = open_model(model, declared, rules=rules)
    people = _people(opened, mitigation)
    rows = _rows(people, model, mitigation)
    _require_groups(rows, people.sensitive_features, mitigation)
    sh.say_reading(people.types, people.notes, quiet=quiet)
    sh.say(
        phrase(
            "mitigate: {method} on {n_train} rows",
            method=mitigation.method,
            n_train=len(rows.train),
        ),
        quiet=quiet,
    )
    result = run(
        opened,
        rows.train,
        target=people.target,
        positive_label=people.positive_label,
        sensitive_features=people.sensitive_features,
        method=mitigation.method,
        constraint=mitigation.constraint,
        out=mitigation.out,
        held_out=None if rows.path else rows.test,
        seed=mitigation.seed,
        options=mitigation.dials(),
        notes=rows.notes,
        declared=declared,
        reading=mitigation.reading,
    )
    compared = before_after(
        model,
        result,
        data=rows.path or str(result.held_out),
        reading=_edged(rows.reading, result),
        positive_is=mitigation.positive_is,
        seed=mitigation.seed,
        quiet=quiet,
        rules=rules,
    )
    _show(compared, as_json=as_json)
    return OK


@dataclass(frozen=True)
class _People:
    """The rows and what their columns mean."""

    frame: pd.DataFrame
    digest: str
    target: str
    positive_label: str
    sensitive_features: tuple[str, ...]
    types: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Rows to mitigate with and rows held out; ``path`` is the held-out file, if there is one,
    and ``reading`` how it is read."""

    train: pd.DataFrame
    test: pd.DataFrame
    path: str | None
    notes: tuple[str, ...]
    reading: Reading


def _people(opened: Opened, asked: MitigationRequest) -> _People:
    """What was passed, else what the data set and the model's own folder state."""
    from evenhand.trainers.datasets import load_dataset

    says = opened.predictor.maker_says
    target = asked.target or says.get("target")
    dataset = load_dataset(asked.data, asked.reading, target=target)
    column = target or dataset.target
    typed = asked.meant(asked.positive_label, column)
    label = typed or says.get("positive_label") or dataset.positive_label
    features = asked.sensitive_features or tuple(
        says.get("sensitive_features") or dataset.sensitive_features
    )
    for name, value in (("target", column), ("positive_label", label)):
        if not value:
            raise InputError(
                "{opened_path} does not state its {value}",
                remedy="pass {name}",
                opened_path=opened.path,
                value=name.replace("_", " "),
                name=option(name),
            )
    if not features:
        raise InputError("whose groups are compared?", remedy="pass --sensitive-features COLUMN")
    table = dataset.table
    table.require([str(column)], "target")
    table.require(features, "sensitive feature")
    return _People(
        table.frame, table.digest, str(column), str(label), features, table.types, table.said
    )


def _rows(people: _People, model: str, mitigation: MitigationRequest) -> _Rows:
    from evenhand.audit.data.reading.read import read_table
    from evenhand.trainers.data.split import split

    own = Path(model) / "held_out.csv"
    path = mitigation.test_data or (str(own) if own.is_file() else None)
    labelled = people.frame[people.frame[people.target].notna()]
    if path is None:
        parts = split(labelled, share=0.3, seed=mitigation.seed, classes_of=people.target)
        note = (
            "about 30 % of the rows were held out from mitigation; the model itself may have been "
            "trained on them"
        )
        return _Rows(parts.train, parts.test, None, (note,), mitigation.of_written())
    # What training held out was read already, and is written plainly.
    reading = mitigation.reading if mitigation.test_data else mitigation.of_written()
    held = read_table(path, reading, answers=(people.target,))
    held.require([people.target], "target")
    held.require(people.sensitive_features, "sensitive feature")
    if held.digest == people.digest:
        raise InputError(
            "--data and --test-data are the same rows ({path})",
            remedy="rows that mitigation has seen tell nothing about others: hold some out",
            path=path,
        )
    train, twins = _without(labelled, held.frame)
    if train.empty:
        raise InputError(
            "every row of --data is in {path} too", remedy="give training rows", path=path
        )
    notes = (f"{twins} rows equal to a held-out row were left out of mitigation",) if twins else ()
    return _Rows(train, held.frame, path, notes, reading)


def _without(train: pd.DataFrame, held: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """``train`` without rows that equal a held-out row in every cell that both tables have."""
    import pandas as pd

    from evenhand.audit.data.table import texts

    shared = sorted(set(train.columns) & set(held.columns))

    def keys(frame: pd.DataFrame) -> pd.Series[Any]:
        cells = pd.DataFrame({c: texts(frame[c])[0] for c in shared}, index=frame.index)
        return pd.util.hash_pandas_object(cells, index=False)

    is_twin = keys(train).isin(set(keys(held)))
    return train[~is_twin], int(is_twin.sum())


def _edged(reading: Reading, result: MitigationResult) -> Reading:
    """The reading with the edges of bins that the mitigation worked out."""
    return reading.model_copy(update={"bins": result.description.grouping.bins})


def _require_groups(rows: _Rows, features: tuple[str, ...], asked: MitigationRequest) -> None:
    """Held-out people of groups without a rule are said before hours of fitting."""
    from evenhand.audit.data.grouping import grouping_of
    from evenhand.trainers.mitigation.parts import group_texts, require_known

    if asked.method not in ("threshold", "correlation-remover"):
        return
    grouping = grouping_of(rows.train, features, asked.reading)
    seen, held_out = (
        {", ".join(g) for g in group_texts(frame, features, grouping)}
        for frame in (rows.train, rows.test)
    )
    require_known(held_out, sorted(seen), " × ".join(features))


def _show(compared: BeforeAfter, *, as_json: bool) -> None:
    from evenhand.audit.commands.parts.tables import measured, show, table

    if as_json:
        sh.print_json({**compared.to_json(), "exit_code": OK})
        return
    made = table(
        phrase("Before and after, on {n} held-out rows", n=compared.n),
        ["measure", "over", "before", "after", "after - before"],
    )
    for row in compared.rows:
        made.add_row(
            measured(row.measure),
            sh.safe(" × ".join(row.over) or "all rows"),
            sh.interval_text(*row.before.shown, row.measure),
            sh.interval_text(*row.after.shown, row.measure),
            sh.interval_text(*row.change.shown),
        )
    show(made)
    for line in compared.says:
        show(line)
    show(phrase("Model: {model}", model=compared.result.model))
    show(
        phrase(
            "Cases: {before_path}  {after_path}",
            before_path=compared.before.path,
            after_path=compared.after.path,
        )
    )
    show(
        phrase(
            "Next: evenhand compare {after_path} {before_path}",
            after_path=compared.after.path,
            before_path=compared.before.path,
        )
    )


COMMANDS = (Command("mitigate", mitigate, order=110),)
