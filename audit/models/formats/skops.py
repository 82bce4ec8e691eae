"""scikit-learn models saved with skops: a single .skops file, or a model folder that holds one.

A folder has ``model.skops`` and ``model.json`` (what trainers write); a bare file tells no label
meaning beyond its classes. Only types on skops' own list and on ours below are opened; the file's
own list of types is never trusted.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.estimators import EstimatorPredictor, predictor_of
from evenhand.audit.models.unpickling import versions
from evenhand.audit.words.phrases import as_is, phrase

NAME = "skops"
TRUST = "data"
ABOUT = "scikit-learn objects: types outside our allow list are refused before anything is built"
PRELOAD = ("skops.io", "sklearn", "pandas")
BESIDE = {"*.skops": PRELOAD}
DECLARES = frozenset({"task", "classes", "inputs"})
EXTRA = ""
RECOGNISED_BY = "a zip that holds skops' schema.json"
GRADIENTS = False
SAVE = (
    """skops.io.dump(model, "model.skops")        # fit it on a data frame: its columns are kept"""
)

# Building these runs no code of the file's choice: state holders of scikit-learn's own estimators
# that skops does not list itself (found by saving every classifier and reading what it needs).
ALLOWED_TYPES = frozenset(
    {
        "numpy.dtype",
        "numpy.number",
        "scipy.interpolate._bsplines.BSpline",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.compose._column_transformer.make_column_selector",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        # Votes, stacks, fitted searches and thresholds: what they keep beside the fitted model.
        "sklearn.calibration._TemperatureScaling",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.metrics._scorer._CurveScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.metrics._scorer._Scorer",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        *(
            f"sklearn.model_selection._split.{name}"
            for name in (
                *("GroupKFold", "GroupShuffleSplit", "KFold", "LeaveOneGroupOut", "LeaveOneOut"),
                *("LeavePGroupsOut", "LeavePOut", "PredefinedSplit", "RepeatedKFold"),
                *("RepeatedStratifiedKFold", "ShuffleSplit", "StratifiedGroupKFold"),
                *("StratifiedKFold", "StratifiedShuffleSplit", "TimeSeriesSplit"),
                "_CVIterableWrapper",
            )
        ),
        *(
            f"sklearn.gaussian_process.kernels.{name}"
            for name in (
                *("CompoundKernel", "ConstantKernel", "DotProduct", "ExpSineSquared"),
                *("Exponentiation", "Hyperparameter", "Matern", "PairwiseKernel", "Product"),
                *("RBF", "RationalQuadratic", "Sum", "WhiteKernel"),
            )
        ),
        *(
            f"sklearn._loss.loss.{name}"
            for name in (
                *("AbsoluteError", "ExponentialLoss", "HalfGammaLoss", "HalfPoissonLoss"),
                *("HalfTweedieLoss", "HalfTweedieLossIdentity", "HuberLoss", "PinballLoss"),
            )
        ),
        # Functions that are named, and not called when the model answers.
        *(
            f"sklearn.metrics._classification.{name}"
            for name in (
                *("accuracy_score", "balanced_accuracy_score", "brier_score_loss"),
                *("cohen_kappa_score", "f1_score", "fbeta_score", "jaccard_score", "log_loss"),
                *("matthews_corrcoef", "precision_score", "recall_score"),
            )
        ),
        *(
            f"sklearn.metrics._ranking.{name}"
            for name in ("average_precision_score", "roc_auc_score", "top_k_accuracy_score")
        ),
        *(
            f"sklearn.metrics._regression.{name}"
            for name in (
                *("explained_variance_score", "max_error", "mean_absolute_error"),
                *("mean_absolute_percentage_error", "mean_gamma_deviance"),
                *("mean_poisson_deviance", "mean_squared_error", "mean_squared_log_error"),
                *("median_absolute_error", "r2_score", "root_mean_squared_error"),
                "root_mean_squared_log_error",
            )
        ),
        *(
            f"sklearn.feature_selection._univariate_selection.{name}"
            for name in ("chi2", "f_classif", "f_regression", "r_regression")
        ),
        *(
            f"sklearn.feature_selection._mutual_info.mutual_info_{name}"
            for name in ("classif", "regression")
        ),
    }
)


def recognises(path: Path) -> bool:
    """A zip that holds skops' schema.json, or a folder that holds such a zip as model.skops (an
    MLflow folder that holds one is opened as that)."""
    if (path / "MLmodel").is_file():
        return False
    file = path / "model.skops" if path.is_dir() else path
    if not file.is_file() or not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return "schema.json" in archive.namelist()


def load(path: Path, declared: Declared = NOTHING) -> EstimatorPredictor:
    """Opens it. Raises UnsafeModelError for types off the list, InputError for what can't score."""
    file = path / "model.skops" if path.is_dir() else path
    held = open_estimator(file)
    says = {**_says(path), **versions.says(versions.version_in_skops(file))}
    return predictor_of(NAME, held, str(file), says, declared)


def _says(path: Path) -> Mapping[str, Any]:
    description = path / "model.json"
    if not path.is_dir() or not description.is_file():
        return {}
    try:
        says = json.loads(description.read_text("utf-8"))
    except ValueError as error:
        raise InputError(
            "{description} is not JSON: {error}",
            remedy="train again",
            description=description,
            error=error,
        ) from None
    return says if isinstance(says, dict) else {}


def open_estimator(file: Path) -> Any:
    """The scikit-learn object in a .skops file, built from listed types alone.

    Raises UnsafeModelError for types off the list, InputError for what can't be read.
    """
    from skops.io import load as skops_load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        if unknown := not_allowed(file=file):
            raise UnsafeModelError(
                "{file} holds types that are not on the allow list: {unknown}",
                remedy=as_is(instead_of(unknown, _root(file))),
                file=file,
                unknown=", ".join(unknown),
            )
        return skops_load(file, trusted=sorted(ALLOWED_TYPES))
    except UnsafeModelError:
        raise
    except UntrustedTypesFoundException as error:
        raise UnsafeModelError(
            "{file}: {error}", remedy="do not open this file", file=file, error=error
        ) from None
    # A hostile or broken archive fails anywhere inside skops with any type of error; each means
    # the same to the user, and none is retried more loosely.
    except Exception as error:
        other = versions.version_in_skops(file)
        raise InputError(
            "{file} cannot be opened as skops: {type}: {error}",
            remedy=as_is(versions.way_out(other))
            if other is not None
            else phrase("save it again with the version of skops that is installed here"),
            file=file,
            type=type(error).__name__,
            error=error,
        ) from error


def not_allowed(**where: Any) -> list[str]:
    """Names of the types in a skops ``file``, or in its bytes (``data``), that are off the list."""
    from skops.io import get_untrusted_types

    return sorted(set(get_untrusted_types(**where)) - ALLOWED_TYPES)


_STORED = "audit its stored predictions: evenhand audit --predictions FILE --predicted COLUMN ..."
_SEARCH_TREES = ("KDTree", "BallTree")


def _root(file: Path) -> str:
    """The name of the class that the file holds, as the file says."""
    with zipfile.ZipFile(file) as archive:
        schema = json.loads(archive.read("schema.json"))
    return str(schema.get("__class__", "")) if isinstance(schema, dict) else ""


def instead_of(unknown: Sequence[str], root: str = "") -> str:
    """What to do with a model that holds types off the list: a way that leads to an audit."""
    rooms = {name.partition(".")[0] for name in unknown}
    if any(name.endswith(_SEARCH_TREES) for name in unknown):
        return phrase(
            "a tree of neighbours is not read from a file: fit the model again with "
            "algorithm='brute', which finds the same neighbours, and save that; or {stored}",
            stored=_STORED,
        )
    if root.endswith("SearchCV"):
        return phrase(
            "save the model that the search found: skops.io.dump(search.best_estimator_, "
            "'model.skops'); or {stored}",
            stored=_STORED,
        )
    if "imblearn" in rooms:
        return phrase(
            "a sampler does nothing when the model answers: save the other steps, "
            "skops.io.dump(sklearn.pipeline.Pipeline([s for s in model.steps if not "
            "hasattr(s[1], 'fit_resample')]), 'model.skops'); or {stored}",
            stored=_STORED,
        )
    if rooms & {"lightgbm", "xgboost"}:
        return phrase(
            "save the booster in its own format, model.save_model('model.ubj') (XGBoost) "
            "or model.booster_.save_model('model.txt') (LightGBM); steps before it in a "
            "pipeline go with it: skops.io.dump(pipeline[:-1], 'prep.skops'), then "
            "evenhand audit model.ubj --preprocess prep.skops ...; or {stored}",
            stored=_STORED,
        )
    return phrase(
        "rebuild the model from scikit-learn's own estimators; where you trust its "
        "maker, save it with joblib and pass --allow-pickle; or {stored}",
        stored=_STORED,
    )
