from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import evenhand.trainers as trainers
from evenhand.audit.errors import InputError
from evenhand.trainers import architectures


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, evenhand.trainers as trainers; "
        "import evenhand.trainers.job, evenhand.trainers.folder.reading; "
        "import evenhand.trainers.ledger.record; "
        "import evenhand.trainers.private.wrapping, evenhand.trainers.fitting.networks; "
        "import evenhand.trainers.fitting.sklearn_models; "
        "trainers.train; trainers.Recipe(data='loanapp'); "
        "heavy = {'torch', 'opacus', 'pandas', 'sklearn', 'numpy', 'skops', 'safetensors'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_public_names_are_there() -> None:
    assert set(dir(trainers)) == set(trainers.__all__)
    for name in trainers.__all__:
        assert getattr(trainers, name)
    with pytest.raises(AttributeError, match="no attribute 'fits'"):
        _ = trainers.fits  # type: ignore[attr-defined]


def test_architectures_are_found_by_name() -> None:
    assert "mlp" in architectures.known_architectures()
    assert architectures.architecture("mlp").build((3,), 2, {"hidden": [4]})
    with pytest.raises(InputError, match="did you mean: mlp"):
        architectures.architecture("mlpp")


def test_third_parties_add_architectures(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("wide", "evenhand.trainers.architectures.mlp", architectures.GROUP)
    monkeypatch.setattr(
        architectures,
        "entry_points",
        lambda **kw: [point] if kw.get("name", "wide") == "wide" else [],
    )
    assert "wide" in architectures.known_architectures()
    assert architectures.architecture("wide").__name__ == "evenhand.trainers.architectures.mlp"
    # our own stay reachable where no distribution is installed
    assert architectures.architecture("mlp").__name__ == "evenhand.trainers.architectures.mlp"
