"""ONNX models, run by onnxruntime: one self-contained file, no external data, no custom libraries.

Inputs are one tensor of n columns or one tensor a column (then its name is the column's). Answers
are what skl2onnx writes (a label, and probabilities as maps, a tensor or a column each), or one
tensor of scores or values. Where the graph gives a label beside its scores, every row is checked:
the label must be the class of the highest score, so that classes declared in a wrong order are
found out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import InputError, LimitError, UnsafeModelError
from evenhand.audit.models.declared import NOTHING, Declared, Input
from evenhand.audit.models.formats.onnx_file import facts_of, is_onnx
from evenhand.audit.models.inputs import declared_inputs, in_batches_of, numbers
from evenhand.audit.models.optional import library
from evenhand.audit.models.outputs import RowModel, as_probabilities, as_values, outputs_of, task_of
from evenhand.audit.models.portions import in_portions
from evenhand.audit.models.predictor import Task
from evenhand.audit.words.phrases import phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAME = "onnx"
TRUST = "native"
ABOUT = "a graph of numeric operators: no code of the maker's, but parsers and kernels in C++"
PRELOAD = ("onnxruntime",)
BESIDE = {"*.onnx": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs", "outputs"})
EXTRA = "onnx"
RECOGNISED_BY = "a protocol buffer with the fields of an ONNX model"
GRADIENTS = False
SAVE = """scikit-learn:  from skl2onnx import to_onnx
               onx = to_onnx(model, X[:1], options={"zipmap": False})
               open("model.onnx", "wb").write(onx.SerializeToString())
PyTorch:       torch.onnx.export(module.eval(), (example,), "model.onnx", dynamo=True,
                                 external_data=False, dynamic_shapes=[{0: "rows"}])
The metadata keys evenhand.columns and evenhand.classes (JSON lists) and evenhand.outputs
(probabilities, logits, values) spare the auditor from declaring them."""

_NUMPY = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
_TEXT = "tensor(string)"


def recognises(path: Path) -> bool:
    """A file whose top level reads as an ONNX model."""
    return is_onnx(path)


def load(path: Path, declared: Declared = NOTHING) -> OnnxPredictor:
    """Opens it. Raises UnsafeModelError for external data, InputError for what can't score."""
    raw = path.read_bytes()
    facts = facts_of(raw, str(path))
    if facts.external:
        raise UnsafeModelError(
            "{path} keeps tensors in other files (external data), whose paths its maker chose",
            remedy="save one file: onnx.save_model(onnx.load(path), 'one.onnx', "
            "save_as_external_data=False)",
            path=path,
        )
    ort = library("onnxruntime", EXTRA, NAME)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sums on any machine
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    # onnxruntime's parser and its checks raise a dozen types; each means the same here.
    except Exception as error:
        raise InputError(
            "{path} cannot be opened as ONNX: {error}",
            remedy="export it again with the operators of a released ONNX opset",
            path=path,
            error=_first_line(error),
        ) from error
    declared = _with_notes(declared, facts.notes, path)
    label, scores = _outputs(session.get_outputs(), str(path))
    kind = OnnxPredictor if label is None else LabellingOnnxPredictor
    return kind(session, declared, facts.labels, str(path), label, scores)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"


def _with_notes(declared: Declared, notes: Mapping[str, str], path: Path) -> Declared:
    """The declaration, with what the file's own metadata add where it says nothing."""
    added: dict[str, Any] = {}
    for key, name in (("evenhand.columns", "inputs"), ("evenhand.classes", "classes")):
        if key in notes and not getattr(declared, name):
            try:
                value = json.loads(notes[key])
                if not isinstance(value, list):
                    raise ValueError(phrase("not a list"))
            except (ValueError, RecursionError) as error:
                raise InputError(
                    "{path}: metadata {key} is not a JSON list: {error}",
                    remedy="write it again, or leave it out and declare it to the audit",
                    path=path,
                    key=key,
                    error=error,
                ) from None
            added[name] = [as_text(v) for v in value]
    if "evenhand.outputs" in notes and declared.outputs is None:
        added["outputs"] = notes["evenhand.outputs"]
    try:
        return Declared.model_validate({**declared.model_dump(), **added})
    except ValueError as error:
        raise InputError(
            "{path}: metadata: {error}", remedy="correct them", path=path, error=error
        ) from None


class OnnxPredictor(RowModel):
    """A session, fed with columns; see the module."""

    format = NAME

    def __init__(
        self,
        session: Any,
        declared: Declared,
        labels: tuple[tuple[str, ...], ...],
        what: str,
        label: str | None,
        scores: list[str],
    ) -> None:
        self._session, self._what = session, what
        self._label, self._scores = label, scores
        self._feed = _feed(session.get_inputs(), declared.inputs, what)
        self.input_columns = self._feed.columns
        self.codes = self._feed.codes
        self.maker_says: Mapping[str, Any] = {}
        known = declared.classes or self._own_classes(labels)
        self.task: Task = task_of(declared.model_copy(update={"classes": known}), what)
        self.classes = known
        self._means = outputs_of(declared, self.task, what) if self._label is None else None

    def _own_classes(self, labels: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        """The graph's class labels, where it gives labels and names one list of them."""
        if self._label is None:
            return ()
        if len(labels) == 1:
            return tuple(as_text(label) for label in labels[0])
        raise InputError(
            "{what} gives labels, but its graph does not say which score is whose",
            remedy="declare its labels in the order of its scores: --classes no,yes",
            what=self._what,
        )

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes)."""
        if self._label is None:
            raw = self._run(frame, self._scores)[0]
            means = self._means or "probabilities"
            return as_probabilities(raw, len(self.classes), means, self._what, rows=len(frame))
        label, *parts = self._run(frame, [self._label, *self._scores])
        scores = as_probabilities(
            self._joined(parts), len(self.classes), "probabilities", self._what, rows=len(frame)
        )
        self._check_labels(label, scores)
        return scores

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        return as_values(self._run(frame, self._scores)[0], self._what, rows=len(frame))

    def _run(self, frame: pd.DataFrame, outputs: list[str]) -> list[Any]:
        return self._feed.run(self._session, frame, outputs, self._what)

    def _joined(self, parts: list[Any]) -> Any:
        """Probabilities as one array, of a list of maps, a tensor, or a tensor a class."""
        import numpy as np

        if len(parts) > 1:
            return np.column_stack([np.asarray(p).reshape(-1) for p in parts])
        (scores,) = parts
        if not isinstance(scores, list):
            return scores
        try:
            rows = [{as_text(k): v for k, v in row.items()} for row in scores]
            return np.array([[row[c] for c in self.classes] for row in rows])
        except KeyError as error:
            raise InputError(
                "{what} gives no score for class {error}",
                remedy="declare the labels that it gives scores for: --classes",
                what=self._what,
                error=error,
            ) from None

    def _check_labels(self, label: Any, scores: np.ndarray) -> None:
        import numpy as np

        given = [as_text(v) for v in np.asarray(label).reshape(-1)]
        ordered = np.sort(scores, axis=1)
        clear = ordered[:, -1] > ordered[:, -2] + 1e-6
        best = scores.argmax(axis=1)
        for row in np.flatnonzero(clear):
            if self.classes[best[row]] != given[row]:
                raise InputError(
                    "{what} answers {given!r} where the score of {classes!r} is the highest",
                    remedy="declare the labels in the order of its scores: --classes; a model "
                    "with a threshold of its own can be audited by stored predictions",
                    what=self._what,
                    given=given[row],
                    classes=self.classes[best[row]],
                )


class LabellingOnnxPredictor(OnnxPredictor):
    """A graph that gives labels too: they are its decision (see
    ``evenhand.audit.models.predictor.Labels``)."""

    gives_scores = True
    own_rule = False

    def predict_labels(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,)."""
        import numpy as np

        assert self._label is not None
        given = np.asarray(self._run(frame, [self._label])[0]).reshape(-1)
        names = [as_text(v) for v in given]
        place = {name: match_label(name, self.classes) for name in set(names)}
        strange = sorted(name for name, label in place.items() if label is None)
        if strange:
            raise InputError(
                "{what} answers {strange!r}, which is none of its classes: {classes}",
                remedy="declare the labels that it gives: --classes",
                what=self._what,
                strange=strange[0],
                classes=", ".join(self.classes[:10]),
            )
        return np.array([self.classes.index(str(place[name])) for name in names], dtype=np.int64)


class _Matrix:
    """One tensor of all columns: numbers, or texts alone, or images."""

    def __init__(self, one: Any, inputs: tuple[Input, ...], what: str) -> None:
        shape = tuple(s if isinstance(s, int) and s > 0 else None for s in one.shape)
        self._fixed = shape[0] if shape else None
        self._inputs = declared_inputs(inputs, shape[1:], what)
        self._name, self._type = one.name, one.type
        if one.type not in _NUMPY:
            raise InputError(
                "{what} reads one tensor of type {type}, which columns can't be turned into",
                remedy="export it with a tensor of floats, or one input for each column",
                what=what,
                type=one.type,
            )
        self.columns = self._inputs.input_columns
        whole = not _NUMPY[one.type].startswith("float")
        coded = self._inputs.inputs if whole else [i for i in self._inputs.inputs if i.categories]
        self.codes = tuple(i.column for i in coded)

    def run(self, session: Any, frame: pd.DataFrame, outputs: list[str], what: str) -> list[Any]:
        encoded = self._inputs.encode(frame).astype(_NUMPY[self._type])
        if self._fixed is None:
            return _answers(session, outputs, {self._name: encoded}, what)
        if len(outputs) > 1:
            raise InputError(
                "{what} takes {fixed} rows at a time and gives several answers",
                remedy="export it with a free number of rows (dynamic axes)",
                what=what,
                fixed=self._fixed,
            )
        (name,) = outputs

        def ask(part: np.ndarray) -> np.ndarray:
            answer: np.ndarray = _answers(session, [name], {self._name: part}, what)[0]
            return answer

        return [in_batches_of(self._fixed, encoded, ask)]


class _Columns:
    """One tensor a column, named as the column is (or as declared, in their order)."""

    def __init__(self, graph_inputs: list[Any], inputs: tuple[Input, ...], what: str) -> None:
        declared = Declared(inputs=inputs).plain_columns(NAME) or tuple(
            i.name for i in graph_inputs
        )
        if len(declared) != len(graph_inputs):
            raise InputError(
                "{what} reads {n_graph_inputs} inputs ({graph_inputs}), declared are {n_declared}",
                remedy="declare one column for each input, in that order: --inputs a,b,...",
                what=what,
                n_graph_inputs=len(graph_inputs),
                graph_inputs=", ".join(i.name for i in graph_inputs[:10]),
                n_declared=len(declared),
            )
        for one in graph_inputs:
            sizes = [s for s in one.shape[1:] if s != 1]
            if sizes or (one.type != _TEXT and one.type not in _NUMPY):
                raise InputError(
                    "{what}: input {one!r} takes {type} of shape {one_shape}, which is "
                    "no single column",
                    remedy="export it with one tensor of all columns, or one for each column",
                    what=what,
                    one=one.name,
                    type=one.type,
                    one_shape=one.shape,
                )
        self.columns, self._given = declared, graph_inputs
        amount = (_NUMPY.get(one.type, "texts").startswith("float") for one in graph_inputs)
        self.codes = tuple(c for c, is_one in zip(declared, amount, strict=True) if not is_one)

    def run(self, session: Any, frame: pd.DataFrame, outputs: list[str], what: str) -> list[Any]:
        import numpy as np

        feeds = {}
        for column, one in zip(self.columns, self._given, strict=True):
            if one.type == _TEXT:
                cells, missing = texts(frame[column])
                values = np.where(missing, "", cells).astype(object)
            else:
                values = _whole(numbers(frame[column]), _NUMPY[one.type], column)
            feeds[one.name] = values.reshape((len(frame),) + (1,) * (len(one.shape) - 1))
        return _answers(session, outputs, feeds, what)


def _whole(values: np.ndarray, dtype: str, column: str) -> np.ndarray:
    import numpy as np

    if not dtype.startswith("float") and (np.isnan(values) | (values != np.round(values))).any():
        raise InputError(
            "input column {column!r} has missing cells or fractions, the model reads {dtype}",
            remedy="fill them in as the model's maker did",
            column=column,
            dtype=dtype,
        )
    return values.astype(dtype)


def _feed(given: list[Any], inputs: tuple[Input, ...], what: str) -> _Matrix | _Columns:
    one = given[0]
    vector = one.type == _TEXT or len(one.shape) < 2
    named = one.shape[1:] == [1] and not inputs  # a single column, called as the input is
    if len(given) > 1 or vector or named:
        return _Columns(given, inputs, what)
    return _Matrix(one, inputs, what)


def _outputs(given: list[Any], what: str) -> tuple[str | None, list[str]]:
    """The label's name (None without one) and those of the scores or values."""
    whole = [o for o in given if o.type in (_TEXT, "tensor(int64)", "tensor(int32)")]
    scores = [o for o in given if o not in whole]
    if len(given) > 1 and len(whole) == 1 and given[0] is whole[0] and scores:
        return whole[0].name, [o.name for o in scores]
    if len(given) == 1 and not whole:
        return None, [given[0].name]
    shown = ", ".join(f"{o.name}: {o.type}" for o in given[:6])
    raise InputError(
        "{what} gives {shown}: not scores alone, and not a label with its scores",
        remedy="export it with scores; for scikit-learn: options={{'zipmap': False}}",
        what=what,
        shown=shown,
    )


def _answers(session: Any, outputs: list[str], feeds: dict[str, Any], what: str) -> list[Any]:
    def ask(part: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = session.run(outputs, dict(part))
        return found

    try:
        return in_portions(feeds, ask, what)
    except LimitError:
        raise
    # Kernels raise onnxruntime's own types, which share no base but Exception.
    except Exception as error:
        raise InputError(
            "{what} cannot score these rows: {error}",
            remedy="are these the columns that it was exported for?",
            what=what,
            error=_first_line(error),
        ) from error
