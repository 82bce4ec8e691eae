"""Training from recipe to folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from evenhand.audit.data.reading.read import read_table
from evenhand.audit.errors import InputError
from evenhand.audit.files.canonical import digest_file
from evenhand.audit.worker.opening import open_here
from evenhand.trainers import train
from evenhand.trainers.fitting import networks
from evenhand.trainers.folder import reading as model_folder
from evenhand.trainers.job import prepare
from evenhand.trainers.ledger.store import LedgerStore, StoredRun
from evenhand.trainers.recipe.recipe import as_recipe


def weights(path: Path) -> bytes:
    return (path / "weights.safetensors").read_bytes()


def test_plain_training_is_reproducible_by_its_seed(recipe: dict, plain, tmp_path: Path) -> None:
    torch.manual_seed(99)  # whatever the caller did to torch's generator
    again = train(recipe, out=tmp_path / "again")
    other = train({**recipe, "seed": 1}, out=tmp_path / "other")
    assert weights(again.model) == weights(plain.model) != weights(other.model)
    assert again.curves == plain.curves


def test_torchs_generator_is_left_as_it_was(recipe: dict, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    train({**recipe, "architecture": {"hidden": [4], "dropout": 0.5}}, out=tmp_path / "model")
    assert torch.equal(state, torch.get_rng_state())


def test_private_training_cannot_be_repeated_from_its_seed(
    recipe: dict, private, tmp_path: Path
) -> None:
    given = {**recipe, "batch_size": 64, "private": {"epsilon": 4, "delta": 1e-4}}
    again = train(given, out=tmp_path / "again")
    assert again.epsilon == private.epsilon
    assert weights(again.model) != weights(private.model)


def test_rows_are_disjoint_and_add_up(plain, csv: Path) -> None:
    split = json.loads((plain.model / "split.json").read_text())
    assert plain.n_train + plain.n_test == 400 == split["n_train"] + split["n_test"]
    assert abs(plain.n_test - 120) < 4 * 9.2  # a coin a row: sd of sqrt(400 * 0.3 * 0.7)
    assert plain.held_out is not None
    held_out = read_table(plain.held_out)
    assert held_out.digest == split["held_out_digest"] == digest_file(plain.held_out)
    everything = read_table(csv).frame
    # incomes are distinct enough to count rows by: each held-out row is one of the table's
    merged = held_out.frame.merge(everything, how="left", indicator=True)
    assert len(held_out.frame) == plain.n_test and (merged["_merge"] == "both").all()
    assert split["held_out_rows_equal_to_a_training_row"] == 0


def test_test_measures_follow_from_the_held_out_file(plain) -> None:
    rows = read_table(plain.held_out).frame
    predictor = model_folder.load(plain.model)
    scores = predictor.predict_proba(rows)
    predicted = np.array(predictor.classes)[scores.argmax(1)]
    truth = rows["answer"].to_numpy()
    assert plain.test_accuracy == pytest.approx((predicted == truth).mean())
    recalls = [(predicted[truth == c] == c).mean() for c in ("no", "yes")]
    assert plain.test_balanced_accuracy == pytest.approx(np.mean(recalls))
    assert plain.majority_share == pytest.approx(max((truth == c).mean() for c in ("no", "yes")))


def test_the_order_of_rows_in_the_file_changes_nothing(
    recipe: dict, plain, table: pd.DataFrame, tmp_path: Path
) -> None:
    table.sample(frac=1, random_state=8).to_csv(tmp_path / "rows.csv", index=False)
    other = train({**recipe, "data": str(tmp_path / "rows.csv")}, out=tmp_path / "model")
    assert weights(other.model) == weights(plain.model)


def test_the_result_is_plain_json_and_the_recipe_is_kept(plain, private) -> None:
    for result in (plain, private):
        stated = json.loads(json.dumps(result.to_json()))
        assert stated["epsilon"] == result.epsilon and stated["model"] == str(result.model)
        kept = yaml.safe_load((result.model / "recipe.yaml").read_text())
        assert as_recipe(kept).to_json() == kept
    assert plain.epsilon is None and plain.accountant is None
    assert private.accountant == "PRV" and 3.9 < private.epsilon <= 4


def test_progress_hears_of_each_epoch(recipe: dict, tmp_path: Path) -> None:
    heard = []
    train(recipe, out=tmp_path / "model", progress=lambda *point: heard.append(point))
    assert [(e, n) for e, n, *_ in heard] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert heard[-1][2] < heard[0][2] and heard[0][3] is None


class StopError(Exception):
    pass


def stop(*_: object) -> None:
    raise StopError


def store_runs() -> tuple[StoredRun, ...]:
    return LedgerStore().runs()


def test_the_ledger_is_written_before_the_first_step(
    recipe: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def no_step(*_: object) -> None:
        (run,) = store_runs()
        seen.append(run.record)
        raise StopError

    monkeypatch.setattr(networks, "run", no_step)
    with pytest.raises(StopError):
        train({**recipe, "private": {"epsilon": 4}}, out=tmp_path / "model")
    # opened with every planned step and their cost, none of them authorised yet
    assert 3.9 < seen[0].runs[0].epsilon <= 4 and seen[0].steps == 0 and not seen[0].is_closed


def test_a_crash_leaves_the_ledger_and_over_counts(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "private": {"epsilon": 4}}
    with pytest.raises(StopError) as caught:
        train(given, out=tmp_path / "model", progress=stop)
    (left,) = store_runs()
    assert [p.name for p in tmp_path.iterdir()] == ["evenhand-home"]
    assert left.run in caught.value.__notes__[0]
    # one epoch of four was run: batches of 256 of 280 rows are 5 steps, 2 make the first epoch
    assert (left.record.steps, left.record.runs[0].planned_steps) == (2, 5)
    result = train(given, out=tmp_path / "model")
    assert result.epsilon is not None and result.privacy is not None
    # the broken-off run was on the same rows: what both cost together is told
    together = result.privacy.composition
    assert together.runs == 2 and together.overlap == 1.0
    assert together.epsilon > result.epsilon


def test_a_crash_of_plain_training_leaves_nothing(recipe: dict, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(recipe, out=tmp_path / "model", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_overwritten(recipe: dict, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="exists already") as caught:
        train(recipe, out=tmp_path / "model")
    assert caught.value.exit_code == 2 and list((tmp_path / "model").iterdir()) == []


def test_held_out_rows_can_be_left_out(recipe: dict, tmp_path: Path) -> None:
    result = train({**recipe, "keep_held_out": False}, out=tmp_path / "model")
    assert result.held_out is None and not (tmp_path / "model" / "held_out.csv").exists()


@pytest.mark.parametrize("model", ["logistic", "gradient-boosting"])
def test_scikit_learn_models_open_as_skops(
    recipe: dict, table: pd.DataFrame, tmp_path: Path, model: str
) -> None:
    given = {k: v for k, v in recipe.items() if k not in ("epochs", "architecture")}
    result = train({**given, "model": model}, out=tmp_path / "model")
    opened = open_here(result.model).predictor
    assert opened.format == "skops" and opened.classes == ("no", "yes")
    rows = read_table(result.held_out).frame
    predicted = np.array(opened.classes)[opened.predict_proba(rows).argmax(1)]
    assert result.test_accuracy == pytest.approx((predicted == rows["answer"]).mean())
    assert result.test_accuracy > result.majority_share
    unseen = table.assign(town="nowhere", debts=np.nan)
    assert np.isfinite(opened.predict_proba(unseen)).all()
    says = json.loads((result.model / "model.json").read_text())
    assert says["format"] == "skops" and says["privacy"] is None
    assert not model_folder.recognises(result.model)


def test_a_logistic_regression_can_be_private(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "architecture": {"hidden": []}, "private": {"noise_multiplier": 3}}
    result = train(given, out=tmp_path / "model")
    assert set(model_folder.load(result.model).gradients.module.state_dict()) == {
        "0.weight",
        "0.bias",
    }


def test_balanced_class_weights_by_hand(recipe: dict) -> None:
    prepared = prepare(as_recipe({**recipe, "class_weight": "balanced"}))
    counts = prepared.frames.train["answer"].value_counts()
    n = len(prepared.train)
    expected = np.array([n / (2 * counts["no"]), n / (2 * counts["yes"])])
    np.testing.assert_allclose(prepared.train.weights, expected[prepared.train.targets], rtol=1e-6)
    assert (prepared.test.weights == 1).all()
    with pytest.raises(InputError, match="'maybe'"):
        prepare(as_recipe({**recipe, "class_weight": {"maybe": 2.0}}))


def test_sensitive_features_are_inputs_on_request_alone(recipe: dict) -> None:
    assert "sex" not in prepare(as_recipe(recipe)).input_columns
    assert "sex" in prepare(as_recipe({**recipe, "use_sensitive": True})).input_columns
    assert prepare(as_recipe({**recipe, "inputs": ["income"]})).input_columns == ("income",)
    assert "town" not in prepare(as_recipe({**recipe, "drop": ["town"]})).input_columns


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "anser"}, "did you mean: answer"),
        ({"target": "town"}, "3 classes"),
        ({"positive_label": "ja"}, "'ja' is not a value"),
        ({"positive_label": None}, "lacks 'positive_label'"),
        ({"sensitive_features": ["sx"]}, "did you mean: sex"),
        ({"inputs": ["answer"]}, "target"),
        ({"inputs": ["incme"]}, "income"),
        ({"data": "nowhere.csv"}, "nowhere"),
        ({"architecture": {"hiden": [3]}}, "did you mean: hidden"),
        ({"learning_rate": 1e30, "optimizer": "sgd"}, "diverged"),
    ],
)
def test_wrong_recipes_leave_no_folder(
    recipe: dict, tmp_path: Path, changes: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        train({**recipe, **changes}, out=tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_target_are_counted(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    frame = table.copy()
    frame.loc[:9, "answer"] = None
    frame.to_csv(tmp_path / "rows.csv", index=False)
    result = train({**recipe, "data": str(tmp_path / "rows.csv")}, out=tmp_path / "model")
    assert result.n_train + result.n_test == 390
    assert any("10 rows" in note for note in result.notes)


def test_the_defaults_learn_loanapp_in_seconds(tmp_path: Path) -> None:
    plain = train({"data": "loanapp"}, out=tmp_path / "plain")
    private = train({"data": "loanapp", "private": {"epsilon": 3}}, out=tmp_path / "private")
    assert plain.n_train + plain.n_test == 1989 and abs(plain.n_test - 597) < 4 * 20.4
    # always guessing "approved" gets 0.878 and a balanced accuracy of 0.5
    assert plain.majority_share == pytest.approx(0.878, abs=4 * 0.0134)  # sd for 597 rows
    assert plain.test_accuracy > 0.91 and plain.test_balanced_accuracy > 0.75
    assert private.test_accuracy > 0.89 and private.test_balanced_accuracy > 0.62
    assert private.epsilon <= 3 and private.delta == 1e-5
    # seconds of the processor: those of a clock are its other tenants' as well
    assert json.loads((tmp_path / "private" / "cost.json").read_text())["cpu_s"] < 20
