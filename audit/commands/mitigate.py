"""evenhand mitigate: a mitigated model, and what it does to people held out from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evenhand.audit.commands.parts import shared as sh
from evenhand.audit.commands.parts.command import Command
from evenhand.audit.errors import OK, InputError

if TYPE_CHECKING:
    import pandas as pd

    from evenhand.audit.commands.parts.before_after import BeforeAfter
    from evenhand.audit.worker.opened import Opened

_METHODS = "threshold, exponentiated-gradient, grid-search, correlation-remover, adversarial."
_CONSTRAINTS = (
    "demographic-parity, equalized-odds, true-positive-rate-parity, false-positive-rate-parity, "
    "error-rate-parity."
)


def mitigate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model folder or .skops.")],
    data: Annotated[str, typer.Option(help="Training rows, or a named data set (loanapp).")],
    method: Annotated[str, typer.Option(help=_METHODS)],
    out: Annotated[Path, typer.Option(help="Folder of the mitigated model.")],
    constraint: Annotated[str, typer.Option(help=_CONSTRAINTS)] = "demographic-parity",
    test: Annotated[
        str | None, typer.Option(help="Held-out rows (default: the model's, else 30 % of --data).")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column of true labels.")] = None,
    positive_label: Annotated[str | None, typer.Option(help="Label counted as positive.")] = None,
    positive_is: Annotated[str | None, typer.Option(help="benefit or burden.")] = None,
    sensitive: Annotated[
        list[str] | None, typer.Option(help="Columns whose groups are compared: race,sex.")
    ] = None,
    eps: Annotated[
        float | None, typer.Option(help="Gap allowed on training rows (exponentiated-gradient).")
    ] = None,
    max_iter: Annotated[
        int | None, typer.Option(help="Rounds at most (exponentiated-gradient).")
    ] = None,
    grid_size: Annotated[
        int | None, typer.Option(help="Points of the grid (threshold, grid-search).")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(help="What to keep high: accuracy_score, ... (threshold).")
    ] = None,
    constraint_weight: Annotated[
        float | None, typer.Option(help="Weight of the gap when choosing, 0 to 1 (grid-search).")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help="Strength of the removal or of the adversary (the last two methods)."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the rows (adversarial).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of fits, draws and audits.")] = 0,
    time_limit: sh.TimeLimit = None,
    memory_limit: sh.MemoryLimit = None,
    isolation: sh.IsolationLevel = "auto",
    as_json: sh.Json = False,
    quiet: sh.Quiet = False,
) -> int:
    """Mitigate a model with Fairlearn, and compare before with after on held-out rows."""
    from evenhand.audit.commands.parts.before_after import before_after
    from evenhand.audit.worker.opening import open_model
    from evenhand.trainers.mitigation.mitigate import mitigate as run

    given = {
        "eps": eps,
        "max_iter": max_iter,
        "grid_size": grid_size,
        "objective": objective,
        "constraint_weight": constraint_weight,
        "alpha": alpha,
        "epochs": epochs,
    }
    options = {k: v for k, v in given.items() if v is not None}
    rules = sh.rules(False, False, isolation, time_limit, memory_limit)
    opened = open_model(model, rules=rules)
    asked = _asked(opened, data, target, positive_label, sensitive)
    rows = _rows(asked, model, test, seed)
    _require_groups(rows, asked.sensitive, method)
    sh.say(f"mitigate: {method} on {len(rows.train)} rows", quiet=quiet)
    result = run(
        opened,
        rows.train,
        target=asked.target,
        positive_label=asked.positive_label,
        sensitive=asked.sensitive,
        method=method,
        constraint=constraint,
        out=out,
        held_out=None if rows.path else rows.test,
        seed=seed,
        options=options,
        notes=rows.notes,
    )
    found = before_after(
        model,
        result,
        data=rows.path or str(result.held_out),
        positive_is=positive_is,
        seed=seed,
        quiet=quiet,
        rules=rules,
    )
    _show(found, as_json=as_json)
    return OK


@dataclass(frozen=True)
class _Asked:
    frame: pd.DataFrame
    digest: str
    target: str
    positive_label: str
    sensitive: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Rows to mitigate with and rows held out; ``path`` is the held-out file, if there is one."""

    train: pd.DataFrame
    test: pd.DataFrame
    path: str | None
    notes: tuple[str, ...]


def _asked(
    opened: Opened,
    data: str,
    target: str | None,
    positive_label: str | None,
    sensitive: list[str] | None,
) -> _Asked:
    """What was given, else what the data set and the model's own folder state."""
    from evenhand.trainers.datasets import load_dataset

    says = opened.predictor.maker_says
    dataset = load_dataset(data)
    column = target or says.get("target") or dataset.target
    label = positive_label or says.get("positive_label") or dataset.positive_label
    features = sh.split(sensitive) or tuple(says.get("sensitive_features") or dataset.sensitive)
    for what, given in (("--target", column), ("--positive-label", label)):
        if not given:
            raise InputError(f"{opened.path} does not state its {what[2:]}", remedy=f"pass {what}")
    if not features:
        raise InputError("whose groups are compared?", remedy="pass --sensitive COLUMN")
    dataset.table.require([str(column)], "target")
    dataset.table.require(features, "sensitive feature")
    table = dataset.table
    return _Asked(table.frame, table.digest, str(column), str(label), features)


def _rows(asked: _Asked, model: str, test: str | None, seed: int) -> _Rows:
    from evenhand.audit.data.reading import read_table
    from evenhand.trainers.datasets import split

    own = Path(model) / "held_out.csv"
    path = test or (str(own) if own.is_file() else None)
    labelled = asked.frame[asked.frame[asked.target].notna()]
    if path is None:
        parts = split(labelled, share=0.3, seed=seed, stratify=asked.target)
        note = (
            "30 % of the rows were held out from mitigation; the model itself may have been "
            "trained on them"
        )
        return _Rows(parts.train, parts.test, None, (note,))
    held = read_table(path)
    held.require([asked.target], "target")
    held.require(asked.sensitive, "sensitive feature")
    if held.digest == asked.digest:
        raise InputError(
            f"--data and --test are the same rows ({path})",
            remedy="rows that mitigation has seen tell nothing about others: hold some out",
        )
    train, twins = _without(labelled, held.frame)
    if train.empty:
        raise InputError(f"every row of --data is in {path} too", remedy="give training rows")
    notes = (f"{twins} rows equal to a held-out row were left out of mitigation",) if twins else ()
    return _Rows(train, held.frame, path, notes)


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


def _require_groups(rows: _Rows, sensitive: tuple[str, ...], method: str) -> None:
    """Held-out people of groups without a rule are said before hours of fitting."""
    from evenhand.trainers.mitigation.parts import group_texts, require_known

    if method not in ("threshold", "correlation-remover"):
        return
    seen, asked = (
        {", ".join(g) for g in group_texts(frame, sensitive)} for frame in (rows.train, rows.test)
    )
    require_known(asked, sorted(seen), " × ".join(sensitive))


def _show(found: BeforeAfter, *, as_json: bool) -> None:
    from evenhand.audit.commands.parts.tables import show, table

    if as_json:
        sh.print_json({**found.to_json(), "exit_code": OK})
        return
    made = table(
        f"Before and after, on {found.n} held-out rows",
        ["measure", "over", "before", "after", "after - before"],
    )
    for row in found.rows:
        made.add_row(
            row.measure,
            sh.safe(" × ".join(row.over) or "all rows"),
            sh.interval_text(*row.before.shown),
            sh.interval_text(*row.after.shown),
            sh.interval_text(*row.change.shown),
        )
    show(made)
    for line in found.says:
        show(line)
    show(f"Model: {found.result.model}")
    show(f"Cases: {found.before.path}  {found.after.path}")
    show(f"Next: evenhand compare {found.after.path} {found.before.path}")


COMMANDS = (Command("mitigate", mitigate, order=110),)
