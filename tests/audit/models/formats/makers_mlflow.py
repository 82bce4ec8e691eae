"""Real MLflow folders, written by mlflow itself; see ``makers``."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tests.audit.models.formats import makers as mk
from tests.audit.models.formats import makers_boosters as mb
from tests.audit.models.formats import makers_networks as mn
from tests.audit.models.formats.makers import CLASSIFIER, LABELS, NUMBERS, Made, maker


def _mlflow(folder: Path, flavour: str, made: Made, model: Any, **options: Any) -> Made:
    """``made`` as mlflow saves it, with a signature of its columns."""
    from mlflow.models import infer_signature

    columns = made.frame[[*NUMBERS] if "income" in made.frame else ["text"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save = importlib.import_module(f"mlflow.{flavour}").save_model
        first = {"python_model": model} if flavour == "pyfunc" else {}
        given = {} if "input_example" in options else {"signature": infer_signature(columns)}
        save(
            *(() if first else (model,)),
            path=folder / "mlflow",
            **given,
            pip_requirements=[],
            **first,
            **options,
        )
    return Made(**{**vars(made), "path": folder / "mlflow", "format": "mlflow"})


@maker
def mlflow_onnx(folder: Path) -> Made:
    import onnx

    made = mk.onnx_without_maps(folder)
    saved = _mlflow(folder, "onnx", made, onnx.load(made.path))
    return Made(**{**vars(saved), "declared": {}})  # the columns come from the signature


@maker
def mlflow_xgboost(folder: Path) -> Made:
    from xgboost import XGBRegressor

    made = mb.xgboost_regression(folder)
    model = XGBRegressor()
    model.load_model(made.path)
    return _mlflow(folder, "xgboost", made, model, model_format="ubj")


@maker
def mlflow_lightgbm(folder: Path) -> Made:
    from lightgbm import Booster

    made = mb.lightgbm_without_names(folder)
    saved = _mlflow(folder, "lightgbm", made, Booster(model_file=made.path))
    return Made(**{**vars(saved), "declared": {"classes": list(LABELS)}})


@maker
def mlflow_sklearn_in_skops(folder: Path) -> Made:
    made, model = mn.pickled(folder), mn.fitted()[0]
    return _mlflow(folder, "sklearn", made, model, serialization_format="skops")


@maker
def mlflow_sklearn_in_cloudpickle(folder: Path) -> Made:
    made, model = mn.pickled(folder), mn.fitted()[0]
    return _mlflow(folder, "sklearn", made, model, serialization_format="cloudpickle")


@maker
def mlflow_pytorch(folder: Path) -> Made:
    frame, module = mk.rows(), mk.network(2)
    scores = mn.logits(module, mk.plain(frame))
    made = Made(folder, frame, scores, "mlflow", CLASSIFIER, tolerance=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _mlflow(folder, "pytorch", made, module, input_example=np.zeros((7, 3), np.float32))


def _python_model(held: Any, columns: list[str]) -> Any:
    """A PythonModel that cloudpickle stores whole, with its class."""
    from mlflow.pyfunc import PythonModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow wishes for type hints of its own kind

        class Positive(PythonModel):
            def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
                return held.predict_proba(model_input[columns])[:, 1]

    return Positive()


@maker
def mlflow_python_function(folder: Path) -> Made:
    made, model = mn.pickled(folder), mn.fitted()[0]
    made = _mlflow(folder, "pyfunc", made, _python_model(model, list(NUMBERS)))
    shipped = made.path / "code"
    shipped.mkdir()
    (shipped / "mlflow.py").write_text("raise SystemExit('shipped code was imported')")
    declared = {"classes": list(LABELS), "outputs": "probabilities"}
    return Made(**{**vars(made), "declared": declared})
