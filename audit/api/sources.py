"""Models and data that live in this process, written down so that an audit can open them.

They lie in a temporary folder for as long as the audit takes, under the isolation of any other
file. A model that can be saved as data is asked everything that a file would be; any other is asked
for its answers here, and these are audited as stored predictions.
"""

from __future__ import annotations

import io
import re
import sys
import zipfile
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.numbers import number

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCORE, PREDICTED = "evenhand_score", "evenhand_predicted"


def rows_at(data: Any, folder: Path, name: str) -> str:
    """Where rows lie: the path or URL itself, or a frame of any kind that narwhals knows, written.

    The index of a pandas frame is left out. Raises InputError for what is no frame.
    """
    if isinstance(data, str | PathLike):
        return str(data)
    import pyarrow.parquet as pq

    from evenhand.audit.api.frames import as_arrow

    place = folder / f"{name}.parquet"
    pq.write_table(as_arrow(data), place)
    return str(place)


def as_pandas(data: Any) -> pd.DataFrame:
    """Rows for a model of this process, which scores pandas frames."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, str | PathLike):
        from evenhand.audit.data.reading.read import read_table

        return read_table(str(data)).frame
    from evenhand.audit.api.frames import as_arrow

    made: pd.DataFrame = as_arrow(data).to_pandas()
    return made


def name_of(model: Any) -> str:
    """What people may call a model that has no path."""
    return str(getattr(model, "__name__", None) or type(model).__name__)


def saved_as(model: Any) -> Literal["torch-export", "skops"] | None:
    """The format in which this object is saved so that it opens in the sandbox; None: none.

    scikit-learn's objects of skops' and our own allow list are saved as skops, torch modules as
    exported programs.
    """
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    if torch is not None and isinstance(model, torch.nn.Module):
        return "torch-export"
    base = sys.modules.get("sklearn.base")
    if base is not None and isinstance(model, base.BaseEstimator):
        return "skops"
    return None


def save_sklearn(model: Any, folder: Path) -> Path:
    """The model as .skops: the same model gives the same bytes, so that its digest names it.

    Raises InputError for types that would be refused when it is opened.
    """
    from skops.io import dumps

    from evenhand.audit.models.formats.skops import not_allowed

    raw = dumps(model)
    unknown = not_allowed(data=raw)
    if unknown:
        raise InputError(
            "{type} holds types that are not opened as data: {unknown}",
            remedy="pass scored_here=True: its answers are audited, not the model itself",
            type=type(model).__name__,
            unknown=", ".join(unknown),
        )
    place = folder / "model.skops"
    place.write_bytes(_repeatable(raw))
    return place


def _repeatable(raw: bytes) -> bytes:
    """A skops file without what changes from one saving to the next: memory addresses, which skops
    takes as names, and times. Addresses are numbered in the order in which they occur."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        contents = {n: archive.read(n) for n in archive.namelist()}
    schema = contents.pop("schema.json").decode("utf-8")
    numbers: dict[str, str] = {}

    def number(address: str) -> str:
        return numbers.setdefault(address, str(len(numbers) + 1))

    schema = re.sub(r'"__id__": (\d+)', lambda m: f'"__id__": {number(m[1])}', schema)
    renamed = {}
    for name, content in contents.items():
        stem, dot, suffix = name.partition(".")
        new = f"{number(stem)}{dot}{suffix}" if stem in numbers else name
        schema = schema.replace(f'"{name}"', f'"{new}"')
        renamed[new] = content
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(renamed):
            archive.writestr(zipfile.ZipInfo(name), renamed[name])
        archive.writestr(zipfile.ZipInfo("schema.json"), schema)
    return made.getvalue()


def save_torch(model: Any, folder: Path, *, columns: int) -> Path:
    """A module as a program of torch.export that takes float32 of shape (rows, ``columns``)."""
    import torch

    was_training = model.training
    model.eval()
    try:
        example = torch.zeros(2, columns)
        shapes = [{0: torch.export.Dim("rows")}]
        program = torch.export.export(model, (example,), dynamic_shapes=shapes)
    except Exception as error:  # the compiler raises anything, for a stranger's module
        raise InputError(
            "{type} can't be exported: {type_2}: {error}",
            remedy="pass a function of a data frame that returns scores, or save it as ONNX",
            type=type(model).__name__,
            type_2=type(error).__name__,
            error=str(error).splitlines()[0][:200],
        ) from error
    finally:
        model.train(was_training)
    place = folder / "model.pt2"
    torch.export.save(program, place)
    return place


def answers(model: Any, rows: pd.DataFrame, target: str | None, options: dict[str, Any]) -> Any:
    """The rows with the model's answers, and the keys of subject.yaml that name their columns.

    The target column is kept from the model. Raises InputError where it answers too few rows, or
    can't be asked, and where nobody could tell what its answers are.
    """
    if target is not None and target not in rows.columns:
        raise InputError(
            "the rows have no column {target!r}",
            remedy=nearest(target, map(str, rows.columns)),
            target=target,
        )
    inputs = _inputs(model, rows.drop(columns=[target] if target else []), options)
    replies = _answers(model, inputs, None if target is None else rows[target], options)
    for values in replies.values():
        if len(values) != len(rows):
            raise InputError(
                "the predictor gave {n_values} answers for {n_rows} rows",
                remedy="give one answer for each row",
                n_values=len(values),
                n_rows=len(rows),
            )
    keys: dict[str, Any] = {"score" if c == SCORE else "predicted": c for c in replies}
    if PREDICTED not in replies:
        keys["threshold"] = options.get("threshold", 0.5)
    return rows.assign(**replies), keys


def _inputs(model: Any, rows: pd.DataFrame, options: dict[str, Any]) -> Any:
    """What the model is handed: the columns that it says, or that are declared; a series of texts
    for a vectoriser; else every column but the target."""
    from evenhand.audit.models.fitted import own_names, reads_texts

    declared = _plain_names(options.get("inputs"))
    if reads_texts(model):
        column = (declared or ("text",))[0]
        if column not in rows.columns:
            raise InputError(
                "{type} reads texts, and the rows have no column {column!r}",
                remedy="name the column of texts: inputs=[...]",
                type=type(model).__name__,
                column=column,
            )
        return rows[column].astype(object)
    names = own_names(model)
    lacking = [c for c in names or () if c not in rows.columns]
    if lacking:
        raise InputError(
            "the rows have no column {lacking!r}, which {type} reads",
            remedy=nearest(lacking[0], map(str, rows.columns)),
            lacking=lacking[0],
            type=type(model).__name__,
        )
    if names is not None:
        return rows[list(names)]
    return rows[list(declared)] if declared else rows


def _plain_names(inputs: Any) -> tuple[str, ...]:
    from evenhand.audit.subject.spec import make_spec

    if not inputs:
        return ()
    return make_spec({"inputs": inputs}, source="the call").model_declarations().columns


def _answers(
    model: Any, inputs: Any, truth: pd.Series[Any] | None, options: dict[str, Any]
) -> dict[str, np.ndarray]:
    """The model's labels, its scores of the positive label, or both, each of shape (n,)."""
    import numpy as np

    classes = [as_text(c) for c in _classes(model)]
    scores = getattr(model, "predict_proba", None)
    by_column: dict[str, np.ndarray] = {}
    if scores is not None and len(classes) == 2:
        given = as_text(options.get("positive_label"))
        label = match_label(given, classes)
        if label is None:
            raise InputError(
                "positive_label {given!r} is no class of the predictor",
                remedy=nearest(given, classes),
                given=given,
            )
        by_column[SCORE] = np.asarray(scores(inputs))[:, classes.index(label)]
        if options.get("threshold") is not None:
            return by_column
    answer = getattr(model, "predict", None if by_column else model)
    if answer is None:
        return by_column
    if not callable(answer):
        raise InputError(
            "{type} can't predict",
            remedy="pass a function, or an object with predict or predict_proba",
            type=type(model).__name__,
        )
    values = np.asarray(answer(inputs))
    if values.ndim > 1 and values.shape[1:] != (1,):
        raise InputError(
            "the predictor gave answers of shape {values_shape}: several for each row",
            remedy="audit one at a time: a function that returns one of them",
            values_shape=values.shape,
        )
    values = values.reshape(-1)
    is_label = (
        bool(classes)
        or values.dtype.kind != "f"
        or options.get("task") in ("regression", "multiclass")
        or _are_labels(values, truth, options)
    )
    return {**by_column, PREDICTED if is_label else SCORE: values}


def _classes(model: Any) -> tuple[Any, ...]:
    try:
        found = getattr(model, "classes_", None)
    except Exception:  # a property of an object that is not fitted raises as it likes
        return ()
    return () if found is None or (isinstance(found, list) and not found) else tuple(found)


def _are_labels(values: np.ndarray, truth: pd.Series[Any] | None, options: dict[str, Any]) -> bool:
    """Whether floats are labels: those of the target come first. Others are scores, which have to
    be probabilities where no threshold is given."""
    import numpy as np

    distinct = {as_text(v) for v in np.unique(values)}
    known = set() if truth is None else set(texts(truth.dropna())[0])
    if known and all(match_label(v, known) is not None for v in distinct):
        return True
    low, high = float(values.min(initial=0.0)), float(values.max(initial=1.0))
    if options.get("threshold") is None and not (low >= 0 and high <= 1):
        labels = ", ".join(sorted(known)[:6]) or "none are known"
        raise InputError(
            "the predictor answers numbers from {low} to {high}: they are neither labels "
            "of the target ({labels}) nor probabilities",
            remedy="return labels, or say from which score on a row is selected: threshold=0.0; "
            'for amounts pass task="regression"',
            low=number(low),
            high=number(high),
            labels=labels,
        )
    return False
