"""A model and the fitted scaler or encoder that its rows go through first, in two files.

``evenhand audit MODEL --preprocess FILE`` puts both into one folder, as ``model`` and
``preprocess``; such a folder is a model of its own. The columns that the transformer reads are the
raw ones; what it does not touch and the model reads by name is handed on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.models.catalogue import format_named, look_at
from evenhand.audit.models.declared import NOTHING, Declared, Input, load_with
from evenhand.audit.models.estimators import EstimatorPredictor, predictor_of
from evenhand.audit.models.fitted import own_names, reads_texts
from evenhand.audit.models.formats import pickled, skops
from evenhand.audit.models.unpickling import versions
from evenhand.audit.models.unpickling.deserialise import pickled_object
from evenhand.audit.words.phrases import as_is, phrase

if TYPE_CHECKING:
    import numpy as np

NAME = "preprocessed"
TRUST = "pickle"  # of the looser of its two files, as ``trust`` says
ABOUT = "a model and the scaler or encoder before it, each opened by its own format"
PRELOAD = ("skops.io", "sklearn", "pandas", "joblib")
DECLARES = frozenset({"task", "classes", "inputs", "outputs", "architecture", "truncate"})
EXTRA = ""
RECOGNISED_BY = "a folder that holds two files, model and preprocess, and nothing else"
GRADIENTS = False
SAVE = """skops.io.dump(scaler, "prep.skops")          # a fitted scaler, encoder or vectoriser
evenhand audit model.ubj --preprocess prep.skops ...
Better, in one: skops.io.dump(sklearn.pipeline.make_pipeline(scaler, model), "model.skops")"""

MODEL, BEFORE = "model", "preprocess"
_LOOSE = ("data", "native", "code", "pickle")
_OF_OBJECTS = (skops.NAME, pickled.NAME)
_ONE_FILE = phrase(
    "fit scaler, encoder and model as one sklearn Pipeline (a ColumnTransformer "
    "for columns that are treated differently), and save that"
)


def recognises(path: Path) -> bool:
    """A folder with a model and a file ``preprocess``, and nothing beside them."""
    return path.is_dir() and {p.name for p in path.iterdir()} == {MODEL, BEFORE}


def trust(path: Path) -> str:
    """The trust of the looser one of the two."""
    found = [str(_seen(path / name)["trust"]) for name in (MODEL, BEFORE)]
    return max(found, key=lambda each: _LOOSE.index(each) if each in _LOOSE else len(_LOOSE))


def _seen(place: Path) -> dict[str, Any]:
    seen = look_at(place)
    if seen["format"] is None:
        raise UnsafeModelError(
            "{place} is refused: it looks like {what}",
            remedy=as_is(str(seen["remedy"])),
            place=place.name,
            what=seen["what"],
        )
    return seen


def load(path: Path, declared: Declared = NOTHING) -> EstimatorPredictor:
    """Opens both. Raises InputError where they do not fit each other."""
    transformer = _transformer(path / BEFORE)
    form = str(_seen(path / MODEL)["format"])
    columns = own_names(transformer) or declared.plain_columns(NAME)
    texts = reads_texts(transformer)
    if not columns and not texts:
        raise InputError(
            "the scaler or encoder was fitted without column names",
            remedy="declare its columns in the order it was fitted on: --inputs income,age,...",
        )
    if form in _OF_OBJECTS:
        held = _object(path / MODEL, form)
    else:
        held = _Answers(_inner(path / MODEL, form, declared, _names(transformer, columns)))
    both = Both(transformer, held, () if texts else columns)
    made_by = {**_version(path / MODEL, form), **_version(path / BEFORE)}
    says = {"preprocessed_by": type(transformer).__name__, **made_by}
    kept = {"classes", "task"} if form in _OF_OBJECTS else {"task"}
    kept |= {"inputs"} if texts else set()
    given = {name: getattr(declared, name) for name in declared.given() & kept}
    return predictor_of(NAME, both, str(path.name), says, Declared(**given))


def _object(file: Path, form: str) -> Any:
    return skops.open_estimator(file) if form == skops.NAME else pickled_object(file)


def _version(file: Path, form: str | None = None) -> dict[str, str]:
    """What is said of a file of another scikit-learn than this one."""
    form = form or str(_seen(file)["format"])
    if form not in _OF_OBJECTS:
        return {}
    read = versions.version_in_skops if form == skops.NAME else versions.version_in_pickle
    return versions.says(read(file))


def _transformer(file: Path) -> Any:
    form = str(_seen(file)["format"])
    found = _object(file, form) if form in _OF_OBJECTS else None
    if not hasattr(found, "transform"):
        what = form if found is None else f"a {type(found).__name__}"
        raise InputError(
            "--preprocess names {what}, which does not transform rows",
            remedy="pass the fitted scaler, encoder or vectoriser, saved with skops or joblib",
            what=what,
        )
    return found


def _inner(file: Path, form: str, declared: Declared, names: tuple[str, ...]) -> Any:
    """A model of another format, over the transformed columns where it has no names of its own."""
    model_format = format_named(form)
    reads = frozenset(getattr(model_format, "DECLARES", ())) - {"inputs"}
    given = {n: getattr(declared, n) for n in declared.given() & (reads | {"task"})}
    try:
        return load_with(model_format, file, Declared(**given))
    except InputError:  # it does not say what its columns are called: they are those made here
        inputs = tuple(Input(column=name) for name in names)
        return load_with(model_format, file, Declared(**given, inputs=inputs))


def _names(transformer: Any, columns: tuple[str, ...]) -> tuple[str, ...]:
    """What the transformed columns are called."""
    try:
        return tuple(str(n) for n in transformer.get_feature_names_out())
    except (AttributeError, ValueError, TypeError):  # it has no names for them
        n = getattr(transformer, "n_features_in_", len(columns))
        return columns if n == len(columns) else tuple(f"x{i}" for i in range(n))


class _Answers:
    """A predictor of another format with the methods of an estimator."""

    def __init__(self, predictor: Any) -> None:
        import numpy as np

        self._predictor = predictor
        self.feature_names_in_ = np.array(predictor.input_columns, dtype=object)
        if predictor.task == "regression":
            self._estimator_type = "regressor"
        else:
            self.classes_ = np.array(predictor.classes, dtype=object)
            self.predict_proba = predictor.predict_proba

    def predict(self, rows: Any) -> np.ndarray:
        """Labels, or values."""
        import numpy as np

        if self._predictor.task == "regression":
            return np.asarray(self._predictor.predict_values(rows))
        own = getattr(self._predictor, "predict_labels", None)
        scores = self._predictor.predict_proba
        places = own(rows) if own is not None else scores(rows).argmax(axis=1)
        return np.asarray(self.classes_[places])


class Both:
    """A fitted transformer and the model behind it, as one estimator over raw columns."""

    def __init__(self, transformer: Any, model: Any, columns: tuple[str, ...]) -> None:
        import numpy as np

        self.steps = [(BEFORE, transformer), (MODEL, model)]
        self._transformer, self._model, self._columns = transformer, model, columns
        self._names = _names(transformer, columns) if columns else ()
        wanted = own_names(model)
        self._wanted = wanted if columns else None
        passed = [c for c in wanted or () if c not in self._names and c not in columns]
        if self._wanted is not None and not set(self._names) & set(self._wanted):
            if len(self._wanted) != len(self._names):
                raise InputError(
                    "the model reads {n_wanted} columns ({wanted}), the scaler or encoder makes "
                    "{n_names} ({names})",
                    remedy=_ONE_FILE,
                    n_wanted=len(self._wanted),
                    wanted=", ".join(self._wanted[:6]),
                    n_names=len(self._names),
                    names=", ".join(self._names[:6]),
                )
            self._names, passed = self._wanted, []  # of another name each, in the same order
        n = getattr(model, "n_features_in_", None)
        if self._wanted is None and isinstance(n, int) and columns and n != len(self._names):
            raise InputError(
                "the model reads {n} columns without names, the scaler or encoder makes {n_names}",
                remedy=_ONE_FILE,
                n=n,
                n_names=len(self._names),
            )
        if columns:
            self.feature_names_in_ = np.array([*columns, *passed], dtype=object)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_model", "_transformer"):
            raise AttributeError(name)
        found = getattr(self._model, name)  # AttributeError for what the model hasn't either
        if name in ("predict", "predict_proba"):
            return lambda rows: found(self._through(rows))
        if name in ("classes_", "n_outputs_", "multilabel_", "_label_binarizer", "_estimator_type"):
            return found
        raise AttributeError(name)

    def __sklearn_tags__(self) -> Any:
        return self._model.__sklearn_tags__()

    def _through(self, rows: Any) -> Any:
        import pandas as pd

        if not self._columns:
            return self._transformer.transform(rows)  # a series of texts
        own = rows[list(self._columns)]
        named = own_names(self._transformer) is not None
        made = self._transformer.transform(own if named else own.to_numpy())
        if self._wanted is None:
            return made
        plain = made.toarray() if hasattr(made, "toarray") else made
        values = plain.to_numpy() if isinstance(plain, pd.DataFrame) else plain
        table = pd.DataFrame(values, columns=list(self._names), index=rows.index)
        rest = {c: rows[c] for c in self._wanted if c not in table.columns}
        return table.assign(**rest)[list(self._wanted)]
