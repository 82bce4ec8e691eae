"""MLflow finds the evaluator by its entry point and keeps the case with the run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policies.build import check, item, pack_data

pytest.importorskip("mlflow", reason="mlflow-skinny is not installed (extra: mlflow)")

# In a process of its own: MLflow warns at import and keeps global state.
PROGRAM = """
import json, sys
import mlflow, numpy as np, pandas as pd
from mlflow.models import evaluate

mlflow.set_tracking_uri("file:" + sys.argv[1] + "/runs")
rng = np.random.default_rng(0)
x = rng.normal(size=200)
rows = pd.DataFrame({"x": x, "sex": rng.choice(["f", "m"], 200), "y": (x > 0).astype(int)})
rows["guess"] = (x > 0.1).astype(int)
with mlflow.start_run() as run:
    result = evaluate(
        data=rows, targets="y", predictions="guess", model_type="classifier",
        evaluators="evenhand",
        evaluator_config={"policy": sys.argv[1] + "/house.yaml", "positive_label": 1,
                          "sensitive_features": ["sex"], "checks": ["needed"]},
    )
wanted = float((rows["guess"] == rows["y"]).mean())
kept = [str(a.path) for a in mlflow.MlflowClient().list_artifacts(run.info.run_id, "evenhand")]
print(json.dumps({"metrics": result.metrics, "kept": kept, "wanted": wanted}))
"""


def test_a_run_is_audited_and_keeps_the_case(tmp_path: Path) -> None:
    (tmp_path / "house.yaml").write_text(
        json.dumps(pack_data(item("ACC", check=check(threshold=0.99))))
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "EVENHAND_HOME": str(tmp_path / "home"),
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "HOME": str(tmp_path),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    metrics = found["metrics"]
    accuracy = metrics["evenhand/performance.classification/accuracy_score"]
    assert accuracy == pytest.approx(found["wanted"], abs=1e-12)
    assert metrics["evenhand/exit_code"] == 1
    assert metrics["evenhand/verdicts/fail"] == 1
    assert sorted(found["kept"]) == ["evenhand/case", "evenhand/report.html"]
    # The dashboard's list shows no card whose folder is gone.
    kept = [p.parent for p in (tmp_path / "home").rglob("seal.json")]
    assert len(kept) == 1 and kept[0].is_relative_to(tmp_path / "home" / "cases")
