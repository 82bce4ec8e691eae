"""The sample case, sealed once a module, and a page reader that needs no browser."""

from __future__ import annotations

import pytest

from evenhand.audit.case.case import Case
from tests.samples import write_sample_case


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The sample case."""
    return write_sample_case(tmp_path_factory.mktemp("reports") / "case")
