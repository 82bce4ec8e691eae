"""pytest: a fixture that audits a predictor and asserts a pack.

    @pytest.mark.evenhand(policy="house.yaml", target="approve", positive_label=1,
                          sensitive_features=["sex"])
    def test_release(evenhand):
        evenhand(model, held_out_rows)

The register is that of EVENHAND_HOME or EVENHAND_REGISTER where set (so that attestations and
waivers count), else a temporary one: a test run leaves nothing behind in the working folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evenhand.audit.api.results import Result


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line(
        "markers", "evenhand(**options): options of the evenhand fixture, for every call of a test"
    )


class Auditor:
    """Audits with the marker's options; those of a call win."""

    def __init__(self, options: dict[str, Any], folder: Path, record: Any) -> None:
        self._options = options
        self._folder = folder
        self._record = record
        self._calls = 0

    def __call__(self, predictor: Any, rows: Any, **options: Any) -> Result:
        """Audits and judges; fails the test where something required does not pass."""
        __tracebackhide__ = True
        return self.judge(predictor, rows, **options).require()

    def judge(self, predictor: Any, rows: Any, **options: Any) -> Result:
        """Audits and judges without failing: the result holds the case and the verdicts."""
        from evenhand.audit.integrations.guard import audit_predictor

        self._calls += 1
        place = self._folder / f"case-{self._calls}"
        judged = audit_predictor(predictor, rows, **{"out": place, **self._options, **options})
        self._record("evenhand_case", str(judged.case.path))
        self._record("evenhand_exit_code", judged.exit_code)
        return judged


@pytest.fixture
def evenhand(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> Auditor:
    """Audits a predictor on rows and asserts a pack: ``evenhand(model, rows, policy=...)``."""
    folder = tmp_path_factory.mktemp("evenhand")
    if not (os.environ.get("EVENHAND_HOME") or os.environ.get("EVENHAND_REGISTER")):
        monkeypatch.setenv("EVENHAND_HOME", str(folder / "home"))
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("evenhand"))):
        options.update(marker.kwargs)
    return Auditor(options, folder, record_property)
