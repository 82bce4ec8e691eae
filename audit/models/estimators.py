"""scikit-learn's way of scoring, for every format that ends in such an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evenhand.audit.data.table import as_text, match_label, texts
from evenhand.audit.errors import EvenhandError, InputError, RowError
from evenhand.audit.models.blame import blamed
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.fitted import (
    follows_other_rule,
    known_columns,
    own_names,
    reads_texts,
)
from evenhand.audit.models.outputs import RowModel, as_values
from evenhand.audit.models.predictor import Task
from evenhand.audit.models.unpickling.versions import Versions, way_out
from evenhand.audit.words.phrases import as_is, phrase

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_STORED = "audit its stored predictions: evenhand audit --predictions FILE --predicted COLUMN ..."
_TEXT_COLUMN = "text"  # what a column of texts is called where nobody says it


class EstimatorPredictor(RowModel):
    """A classifier or regressor over named raw columns.

    A classifier without ``predict_proba`` gives its labels alone (see
    ``evenhand.audit.models.predictor.Labels``). ``named`` tells whether it was fitted on a data
    frame; without, it gets a plain array. A vectoriser gets a series of texts, and encoders and
    trees with categories get the cells as the categories that they were fitted on.
    """

    def __init__(
        self,
        model_format: str,
        estimator: Any,
        columns: tuple[str, ...],
        says: Mapping[str, Any],
        *,
        classes: tuple[str, ...] = (),
        named: bool = True,
        task: Task | None = None,
        what: str = "the model",
    ) -> None:
        self.format = model_format
        self._estimator, self._named, self._what = estimator, named, what
        self.classes = classes or own_classes(estimator)
        self.task: Task = "regression"
        if self.classes and task != "regression":
            self.task = "binary" if len(self.classes) == 2 else "multiclass"
        self.input_columns = columns
        self.maker_says = says
        self.gives_scores = self.task == "regression" or hasattr(estimator, "predict_proba")
        self.own_rule = not self.gives_scores or follows_other_rule(estimator)
        self.reads_texts = reads_texts(estimator)
        self._fitted = (own_names(estimator) if named else None) or columns
        self._known = {} if self.reads_texts else known_columns(estimator, self._fitted)

    @property
    def estimator(self) -> Any:
        """The scikit-learn object itself."""
        return self._estimator

    @property
    def categories(self) -> Mapping[str, tuple[str, ...]]:
        """The texts of the categories that it was fitted on, by input column; "" for missing."""
        place = dict(zip(self._fitted, self.input_columns, strict=True))
        return {place[c]: known.names for c, known in self._known.items() if known.names}

    @property
    def codes(self) -> tuple[str, ...]:
        """The input columns whose cells are no amounts to it: nothing lies between two of them."""
        place = dict(zip(self._fitted, self.input_columns, strict=True))
        return tuple(place[c] for c in self._known)

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of shape (rows, n_classes); 1 for the label where it gives labels alone."""
        import numpy as np

        if not self.gives_scores:
            found = np.zeros((len(frame), len(self.classes)))
            found[np.arange(len(frame)), self.predict_labels(frame)] = 1.0
            return found
        return self._asked(self._estimator.predict_proba, frame)

    def predict_labels(self, frame: pd.DataFrame) -> np.ndarray:
        """Positions in ``classes``, int of shape (rows,): what its own ``predict`` answers; the
        first of the highest scores where it has none."""
        import numpy as np
        import pandas as pd

        if not _has(self._estimator, "predict"):
            return self.predict_proba(frame).argmax(axis=1).astype(np.int64)
        labels = self._asked(self._estimator.predict, frame)
        if labels.shape not in ((len(frame),), (len(frame), 1)):
            raise self._answers(labels, len(frame))
        names, _ = texts(pd.Series(labels.reshape(-1)))
        own = own_classes(self._estimator) or self.classes
        place = {name: match_label(name, own) for name in set(names)}
        strange = sorted(name for name, label in place.items() if label is None)
        if strange:
            raise InputError(
                "{what} answers {strange!r}, which is none of its classes: {own}",
                remedy="name every label that it answers: --classes no,yes",
                what=self._what,
                strange=strange[0],
                own=", ".join(own[:10]),
            )
        return np.array([own.index(str(place[name])) for name in names], dtype=np.int64)

    def predict_values(self, frame: pd.DataFrame) -> np.ndarray:
        """Predicted values of shape (rows,)."""
        values = self._asked(self._estimator.predict, frame)
        if values.ndim == 2 and values.shape[1] > 1:
            raise self._answers(values, len(frame))
        return as_values(values, self._what, rows=len(frame))

    def _answers(self, found: np.ndarray, rows: int) -> InputError:
        return several_outputs(self._what, found.shape[-1] if found.ndim > 1 else found.shape)

    def _asked(self, ask: Callable[[Any], Any], frame: pd.DataFrame) -> np.ndarray:
        import numpy as np

        try:
            return np.asarray(ask(self._inputs(frame)))
        except (EvenhandError, MemoryError):
            raise
        # A stranger's object can raise anything; what it means to the auditor is the same.
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            chosen = frame[list(self.input_columns)]
            if (cell := blamed(chosen, said, self.categories, self._remedy(said))) is not None:
                raise cell from error
            raise InputError(
                "{what} can't score {n_frame} rows: {said}",
                remedy=as_is(self._remedy(said)),
                what=self._what,
                n_frame=len(frame),
                said=said[:1000],
            ) from error

    def _remedy(self, said: str) -> str:
        if "sklearn_version" in self.maker_says:
            made, here = (self.maker_says[f"sklearn_version{end}"] for end in ("", "_here"))
            return way_out(Versions(made, here))
        if "convert string to float" in said or "convert np.str_" in said:
            return phrase(
                "it was fitted on numbers: where an encoder was saved beside it, pass it with "
                "--preprocess FILE, or save a Pipeline of both; or {stored}",
                stored=_STORED,
            )
        return phrase("see that the model answers such rows where it was made, then save it again")

    def _inputs(self, frame: pd.DataFrame) -> Any:
        chosen = frame[list(self.input_columns)]
        if self.reads_texts:
            return self._series(chosen[self.input_columns[0]])
        chosen = chosen.set_axis(list(self._fitted), axis=1)
        if self._known:
            chosen = chosen.assign(**{c: k.cells(chosen[c]) for c, k in self._known.items()})
        return chosen if self._named else chosen.to_numpy()

    def _series(self, column: pd.Series[Any]) -> pd.Series[Any]:
        import numpy as np
        import pandas as pd

        found, missing = texts(column)
        if missing.any():
            raise RowError(
                "column {column!r} is empty in {row} ({missing} such rows)",
                int(np.flatnonzero(missing)[0]),
                remedy="a missing text is a person without an answer: fill it, or remove the row",
                column=column.name,
                missing=int(missing.sum()),
            )
        return pd.Series(found, index=column.index, name=column.name, dtype=object)


def predictor_of(
    model_format: str,
    estimator: Any,
    where: str,
    says: Mapping[str, Any],
    declared: Declared = NOTHING,
) -> EstimatorPredictor:
    """The object as a predictor.

    Raises InputError for what gives no answers, or several at once, and says what to declare where
    it lacks column names or classes.
    """
    _require_one_answer(estimator, where)
    classes = _classes(estimator, declared, where)
    if not classes and not regresses(estimator) and declared.task != "regression":
        raise InputError(
            "{where} holds a {type}, which does not say what its labels are",
            remedy="name them: --classes no,yes; for a regression pass --task regression",
            where=where,
            type=type(estimator).__name__,
        )
    columns, named = _columns(model_format, estimator, where, declared)
    return EstimatorPredictor(
        model_format,
        estimator,
        columns,
        says,
        classes=() if regresses(estimator) else classes,
        named=named,
        task=declared.task,
        what=where,
    )


def _columns(
    model_format: str, estimator: Any, where: str, declared: Declared
) -> tuple[tuple[str, ...], bool]:
    """The raw columns that it reads, in its order, and whether it was fitted with their names."""
    chosen, own = declared.plain_columns(model_format), own_names(estimator)
    if reads_texts(estimator):
        if len(chosen) > 1:
            raise InputError(
                "{where} reads one column of texts, declared are {n_chosen}",
                remedy="declare that column: --inputs text",
                where=where,
                n_chosen=len(chosen),
            )
        return chosen or (_TEXT_COLUMN,), False
    if own is None:
        n = getattr(estimator, "n_features_in_", None)
        if not chosen:
            many = f" ({n} of them)" if isinstance(n, int) else ""
            raise InputError(
                "{where}: the model was fitted without column names",
                remedy="declare its columns{many} in the order it was trained on: "
                "--inputs income,age,...",
                where=where,
                many=many,
            )
        if isinstance(n, int) and n != len(chosen):
            raise InputError(
                "{where} reads {n} columns, declared are {n_chosen}",
                remedy="declare every column in the order it was trained on",
                where=where,
                n=n,
                n_chosen=len(chosen),
            )
        return chosen, False
    if chosen and set(own) != set(chosen):
        if tuple("_".join(c.split()) for c in chosen) == own:
            return chosen, True  # LightGBM writes _ for the spaces of a name
        raise InputError(
            "{where} was fitted on {own}, declared are {chosen}",
            remedy="leave the inputs out: the model says them itself",
            where=where,
            own=", ".join(own[:10]),
            chosen=", ".join(chosen[:10]),
        )
    return own, True


def own_classes(estimator: Any) -> tuple[str, ...]:
    """Its classes as texts, in its order; () of what has none."""
    found = getattr(estimator, "classes_", None)
    return () if found is None else tuple(as_text(c) for c in found)


def _classes(estimator: Any, declared: Declared, where: str) -> tuple[str, ...]:
    own = own_classes(estimator)
    if own and declared.classes and len(own) != len(declared.classes):
        raise InputError(
            "{where} has {n_own} classes, declared are {n_classes}",
            remedy="declare a label for each, in the order of its classes_",
            where=where,
            n_own=len(own),
            n_classes=len(declared.classes),
        )
    return declared.classes or own


def _require_one_answer(estimator: Any, where: str) -> None:
    """Raises InputError for what can't answer, and for what gives several answers a row."""
    if not (_has(estimator, "predict") or _has(estimator, "predict_proba")):
        raise InputError(
            "{where} holds a {type}, which has no predict",
            remedy=as_is(_without_predict(estimator)),
            where=where,
            type=type(estimator).__name__,
        )
    if type(estimator).__name__ == "Booster":
        raise InputError(
            "{where} holds a Booster, which does not say what its answers mean",
            remedy="save it in its library's own format: model.save_model('model.ubj') for "
            "XGBoost, model.save_model('model.txt') for LightGBM, and audit that file",
            where=where,
        )
    n = _outputs(estimator)
    if n != 1:
        raise several_outputs(where, n)


def _has(estimator: Any, method: str) -> bool:
    return callable(getattr(estimator, method, None))


def _without_predict(estimator: Any) -> str:
    if isinstance(estimator, Mapping | list | tuple):
        return phrase(
            "save the model alone; a scaler or encoder that was saved with it goes into a "
            "file of its own (--preprocess FILE), or into one Pipeline with the model"
        )
    if hasattr(estimator, "transform"):
        return phrase("it only changes rows: pass the model, and this file with --preprocess FILE")
    return phrase("save a fitted classifier or regressor, or {stored}", stored=_STORED)


def _outputs(estimator: Any) -> int:
    """How many answers a row gets, as far as the object tells before it is asked."""
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list) and classes and len(getattr(classes[0], "shape", "")):
        return len(classes)  # an array of labels for each output
    if getattr(estimator, "multilabel_", False):
        return len(classes) if classes is not None else 2
    binarizer = getattr(estimator, "_label_binarizer", None)
    if str(getattr(binarizer, "y_type_", "")).startswith("multilabel"):
        return len(classes) if classes is not None else 2
    if hasattr(estimator, "steps") and estimator.steps:
        return _outputs(estimator.steps[-1][1])
    best = getattr(estimator, "best_estimator_", None)
    if best is not None:
        return _outputs(best)
    n = getattr(estimator, "n_outputs_", 1)
    return n if isinstance(n, int) else 1


def several_outputs(where: str, n: Any) -> InputError:
    """The error for a model that gives several answers to a row."""
    many = f"{n} outputs" if isinstance(n, int) else f"answers of shape {n}"
    return InputError(
        "{where} has {many} for each row, and an audit is about one",
        remedy="audit one at a time by its stored predictions, a column each: evenhand audit "
        "--predictions FILE --predicted COLUMN --target COLUMN ...",
        where=where,
        many=many,
    )


def regresses(estimator: Any) -> bool:
    """Whether scikit-learn takes it for a regressor."""
    from sklearn.base import is_regressor

    try:
        return bool(is_regressor(estimator))
    except AttributeError:  # no estimator of scikit-learn's at all
        return getattr(estimator, "_estimator_type", "") == "regressor"
