"""scikit-learn models saved with skops: a single .skops file, or a model folder that holds one.

A folder has ``model.skops`` and ``model.json`` (what trainers write); a bare file tells no label
meaning beyond its classes. Only types on skops' own list and on ours below are opened; the file's
own list of types is never trusted.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evenhand.audit.errors import InputError, UnsafeModelError
from evenhand.audit.models.declared import NOTHING, Declared
from evenhand.audit.models.estimators import EstimatorPredictor, predictor_of

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
    return predictor_of(NAME, open_estimator(file), str(file), _says(path), declared)


def _says(path: Path) -> Mapping[str, Any]:
    description = path / "model.json"
    if not path.is_dir() or not description.is_file():
        return {}
    try:
        says = json.loads(description.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{description} is not JSON: {error}", remedy="train again") from None
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
                f"{file} holds types that are not on the allow list: {', '.join(unknown)}",
                remedy="rebuild the model from scikit-learn's own estimators, or audit its stored "
                "predictions with --predictions",
            )
        return skops_load(file, trusted=sorted(ALLOWED_TYPES))
    except UnsafeModelError:
        raise
    except UntrustedTypesFoundException as error:
        raise UnsafeModelError(f"{file}: {error}", remedy="do not open this file") from None
    # A hostile or broken archive fails anywhere inside skops with any type of error; each means
    # the same to the user, and none is retried more loosely.
    except Exception as error:
        raise InputError(
            f"{file} cannot be opened as skops: {type(error).__name__}: {error}",
            remedy="save it again with the skops version that evenhand uses",
        ) from error


def not_allowed(**where: Any) -> list[str]:
    """Names of the types in a skops ``file``, or in its bytes (``data``), that are off the list."""
    from skops.io import get_untrusted_types

    return sorted(set(get_untrusted_types(**where)) - ALLOWED_TYPES)
