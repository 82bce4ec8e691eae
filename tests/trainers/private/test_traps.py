"""The ways in which private training goes wrong without anybody noticing, numbered as in the
project's reference: for each, the guard that stops or names it, seen at work."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.encoders.tabular import TabularEncoder
from evenhand.trainers.examples import Examples
from evenhand.trainers.fitting.loop import Loop, run
from evenhand.trainers.fitting.statements import outside_guarantee
from evenhand.trainers.kinds.tabular import prepare
from evenhand.trainers.ledger.store import LedgerStore
from evenhand.trainers.losses import IGNORED, per_example
from evenhand.trainers.private import dp_optimizers
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.beginning import make_private, refuse_data_loader
from evenhand.trainers.private.bracket import Segment
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.noise import entropy_generator, seeded_generator
from evenhand.trainers.private.plan import NoisePlan, plan_private
from evenhand.trainers.private.wrapping import known_warnings_silenced, wrap
from evenhand.trainers.recipe.recipe import Recipe, as_recipe
from tests.trainers.private.small import flat, network, plan, rows, sgd

PRIVATE = {"noise_multiplier": 4, "delta": 1e-4}


def given(recipe: dict, **changes: Any) -> Recipe:
    return as_recipe({**recipe, "batch_size": 64, "private": PRIVATE, **changes})


def step(wanted: NoisePlan, drawn: list[int], examples: Examples) -> torch.Tensor:
    """The change of the weights that one step makes."""
    module = network()
    before = flat(module)
    parts = wrap(
        module, sgd(module), wanted, noise=entropy_generator(), sampling=entropy_generator()
    )
    with known_warnings_silenced():
        loop = Loop(iter([drawn]), 1, 1, torch.sum, take=parts.take)
        run(parts.module, parts.optimizer, examples, loop)
    return flat(module) - before


def test_1_what_is_learnt_without_noise_is_named_column_by_column(recipe: dict) -> None:
    plain = " ".join(outside_guarantee(prepare(given(recipe))))
    assert "means and standard deviations of 2 numeric columns" in plain
    assert "category lists of 2 columns" in plain and "training means" in plain
    public = {
        "bounds": {"income": [0, 100], "debts": [0, 9]},
        "categories": {"town": ["north", "south", "west"], "owner": [True, False]},
    }
    declared = " ".join(outside_guarantee(prepare(given(recipe, public=public))))
    assert "columns" not in declared and "training means" not in declared
    weighted = outside_guarantee(prepare(given(recipe, class_weight="balanced")))
    assert any("class weights" in item for item in weighted)


def test_2_tuning_runs_on_the_same_rows_are_added_up(recipe: dict, tmp_path: Path) -> None:
    results = [
        train(given(recipe, learning_rate=rate), out=tmp_path / str(i))
        for i, rate in enumerate((0.1, 0.5, 1.0))
    ]
    # one setting of the noise: three runs of 18 steps are one of 54
    together = spent([Segment(4.0, results[0].privacy.sample_rate, 54)], 1e-4)
    assert results[2].privacy.composition.runs == 3
    assert results[2].privacy.composition.epsilon == together.epsilon
    assert results[2].epsilon == results[0].epsilon < together.epsilon
    assert any("hyper-parameters" in item for item in results[2].privacy.outside_guarantee)
    with pytest.raises(InputError, match="early_stopping of private training"):
        given(recipe, early_stopping=3, validation_share=0.2)


def test_3_a_noise_seed_marks_the_run_not_certified(recipe: dict, tmp_path: Path) -> None:
    seeded = {**PRIVATE, "noise_seed": 7}
    first = train(given(recipe, private=seeded), out=tmp_path / "a")
    again = train(given(recipe, private=seeded), out=tmp_path / "b")
    weights = [(r.model / "weights.safetensors").read_bytes() for r in (first, again)]
    assert weights[0] == weights[1] and first.privacy.is_certified is False
    assert "seed" in first.privacy.not_certified[0] and first.privacy.noise == "seeded"
    assert any("not certified" in note for note in first.notes)
    free = train(given(recipe), out=tmp_path / "c")
    assert free.privacy.is_certified and free.privacy.noise == "operating system entropy"
    # noise, sampling and each resumed part draw differently: none is ever drawn twice
    purposes = [("noise", 0), ("sampling", 0), ("noise", 5)]
    drawn = [torch.randn(4, generator=seeded_generator(7, *p)) for p in purposes]
    assert not any(torch.equal(drawn[i], drawn[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def loader(**options: Any) -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.zeros(20, 5)), **options
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"shuffle": True}, "shuffles"), ({"batch_size": 4}, "not Poisson samples")],
)
def test_4_foreign_loaders_are_refused(options: dict, reason: str) -> None:
    module = network()
    with pytest.raises(InputError, match=reason) as caught:
        make_private(module, sgd(module), plan(), like=rows(4), data_loader=loader(**options))
    assert "parts.batches" in caught.value.remedy


def test_5_dropped_batches_and_weighted_samplers_are_refused() -> None:
    with pytest.raises(InputError, match="drops the last batch"):
        refuse_data_loader(loader(shuffle=True, drop_last=True, batch_size=8))
    weighted = torch.utils.data.WeightedRandomSampler([1.0] * 20, 20)
    with pytest.raises(InputError, match="WeightedRandomSampler draws some rows more often"):
        refuse_data_loader(loader(sampler=weighted))
    # the rate is stated, not read off a loader's length: 64 of 100 rows stay a rate of 0.64
    wanted = plan_private(Private(epsilon=3), n_train=100, batch_size=64, epochs=1)
    assert wanted.sample_rate == pytest.approx(0.64) and wanted.steps == 2


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
def test_6_an_empty_batch_takes_its_step_and_is_counted(mode: str) -> None:
    wanted = plan(sample_rate=2**-20, steps=5, grad_sample_mode=mode)
    module = network()
    before = flat(module)
    parts = wrap(
        module, sgd(module), wanted, noise=entropy_generator(), sampling=entropy_generator()
    )
    with known_warnings_silenced():
        loop = Loop(parts.batches, 5, 1, torch.sum, take=parts.take)
        run(parts.module, parts.optimizer, rows(32), loop)
    assert parts.executed() == 5 and not torch.equal(before, flat(module))


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
def test_7_the_divisor_is_the_expected_batch_size(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = plan(noise_multiplier=0.0, grad_sample_mode=mode, max_grad_norm=100.0)
    # a row alone moves the weights by 1/8 of its gradient, whether or not others are drawn
    alone, both = step(wanted, [0], rows(8)), step(wanted, [0, 1], rows(8))
    other = step(wanted, [1], rows(8))
    torch.testing.assert_close(both, alone + other, rtol=1e-4, atol=1e-6)
    chosen = dp_optimizers.optimizer_class(mode, is_distributed=False)

    def by_drawn_batch(self: Any) -> None:
        for p in self.params:
            p.grad /= 4  # the preflight's rows

    monkeypatch.setattr(chosen, "scale_grad", by_drawn_batch)
    module = network()
    with pytest.raises(RuntimeError, match="expected batch size"):
        make_private(module, sgd(module), plan(grad_sample_mode=mode), like=rows(4))


def test_8_delta_is_refused_above_one_over_n_and_warned_of_above_a_tenth_of_it() -> None:
    with pytest.raises(InputError, match="must be below 1/n_train"):
        plan_private(Private(delta=0.01), n_train=100, batch_size=10, epochs=1)
    warned = plan_private(Private(delta=5e-3), n_train=100, batch_size=10, epochs=1)
    assert "above 1/(10 n_train)" in warned.warnings[0]
    silent = plan_private(Private(delta=1e-3), n_train=100, batch_size=10, epochs=1)
    assert silent.warnings == ()


class StopError(Exception):
    pass


def stop(at: int, *_: object) -> None:
    if at == 2:
        raise StopError


def test_9_resuming_with_other_noise_norm_or_rate_is_refused(recipe: dict, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(given(recipe), out=tmp_path / "m", progress=stop, checkpoint_every=1)
    for name, value in (("noise_multiplier", 3), ("max_grad_norm", 2), ("sample_rate", 0.9)):
        other = given(recipe, private={**PRIVATE, name: value})
        with pytest.raises(InputError, match=name):
            train(other, out=tmp_path / "m", resume=True)
    assert train(given(recipe), out=tmp_path / "m", resume=True).privacy.n_segments == 2


class Contrasts(torch.nn.Module):
    """Each row's output depends on the batch's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) - self.layer(x).mean(dim=0)


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
def test_10_layers_that_mix_rows_are_refused(mode: str) -> None:
    mixed = Contrasts()
    with pytest.raises(InputError, match="depends on another row"):
        make_private(mixed, sgd(mixed), plan(grad_sample_mode=mode), like=rows(4))
    normed = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.BatchNorm1d(4))
    with pytest.raises(InputError, match="BatchNorm") as caught:
        make_private(normed, sgd(normed), plan(grad_sample_mode=mode), like=rows(4))
    assert "GroupNorm" in caught.value.remedy


def test_11_the_unit_is_stated(private) -> None:
    assert private.privacy.unit == "row"
    assert private.privacy.adjacency == "add/remove one row"


def test_12_a_sequence_counts_once_however_long_it_is() -> None:
    torch.manual_seed(0)
    outputs = torch.randn(2, 6, 9)
    targets = torch.randint(0, 9, (2, 6))
    targets[0, 2:] = IGNORED
    losses = per_example("generation", outputs, targets)
    logs = outputs.log_softmax(dim=2)
    by_hand = [
        -torch.stack([logs[i, t, targets[i, t]] for t in range(n)]).mean()
        for i, n in enumerate((2, 6))
    ]
    torch.testing.assert_close(losses, torch.stack(by_hand))
    targets[0] = IGNORED
    assert float(per_example("generation", outputs, targets)[0]) == 0.0


def test_13_every_trainable_parameter_is_clipped_and_no_other_is_changed() -> None:
    module, stranger = network(), torch.nn.Linear(2, 2)
    both = torch.optim.SGD([*module.parameters(), *stranger.parameters()], lr=1.0)
    with pytest.raises(InputError, match="not the network's"):
        make_private(module, both, plan(), like=rows(4))
    part = torch.optim.SGD(module[0].parameters(), lr=1.0)
    with pytest.raises(InputError, match="lacks 2"):
        make_private(module, part, plan(), like=rows(4))
    module.add_module("idle", torch.nn.Linear(2, 2))
    skipping = Skips(module)
    with pytest.raises(InputError, match="per-example gradients of shape None"):
        make_private(skipping, sgd(skipping), plan(), like=rows(4))


class Skips(torch.nn.Module):
    def __init__(self, inner: torch.nn.Sequential) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner[:3](x)


def test_14_half_precision_is_refused_and_noise_is_a_sum_of_four_draws() -> None:
    half = network().to(torch.bfloat16)
    with pytest.raises(InputError, match="bfloat16"):
        make_private(half, sgd(half), plan(), like=rows(4))
    module = network()
    parts = wrap(
        module, sgd(module), plan(), noise=entropy_generator(), sampling=entropy_generator()
    )
    assert parts.optimizer.secure_mode
    assert {p.dtype for p in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("mode", ["hooks", "ghost"])
def test_15_a_row_of_nan_does_not_take_the_batch_with_it(mode: str) -> None:
    examples = rows(8)
    examples.inputs[3] = math.nan
    wanted = plan(noise_multiplier=0.0, grad_sample_mode=mode)
    with_it = step(wanted, [1, 2, 3], examples)
    torch.testing.assert_close(with_it, step(wanted, [1, 2], examples))
    assert with_it.isfinite().all()


def test_16_losses_of_private_rows_are_kept_back(recipe: dict, private, tmp_path: Path) -> None:
    assert all(point["loss"] is None for point in private.curves)
    kept = train(
        given(recipe, private={**PRIVATE, "keep_loss_curve": True}), out=tmp_path / "model"
    )
    assert all(point["loss"] is not None for point in kept.curves)
    assert any("training losses" in item for item in kept.privacy.outside_guarantee)


def test_17_other_rows_under_a_run_are_refused(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(StopError):
        train(given(recipe), out=tmp_path / "m", progress=stop, checkpoint_every=1)
    table.iloc[:-4].to_csv(tmp_path / "fewer.csv", index=False)
    fewer = given(recipe, data=str(tmp_path / "fewer.csv"))
    with pytest.raises(InputError, match=r"n_train|sample_rate|training_data_digest"):
        train(fewer, out=tmp_path / "m", resume=True)
    (run_,) = LedgerStore().runs()
    n = run_.record.runs[0].n_train
    assert len(run_.rows) == n and abs(n - 280) < 4 * 9.2  # a coin a row


def test_18_the_clipping_norm_is_fixed_before_rows_are_seen(recipe: dict) -> None:
    with pytest.raises(InputError, match="max_grad_norm"):
        given(recipe, private={**PRIVATE, "max_grad_norm": "adaptive"})
    assert "AdaClip" not in {
        base.__name__ for c in (dp_optimizers.HooksOptimizer,) for base in c.__mro__
    }


def test_19_negative_undefined_and_disagreeing_epsilons_are_not_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evenhand.trainers.private import accounting

    assert spent([Segment(50.0, 0.01, 1)], 0.1).epsilon == 0.0
    segments = [Segment(1.0, 0.02, 333)]
    honest = spent(segments, 1e-5)
    for wrong, words in ((math.nan, "PRV failed"), (honest.epsilon / 100, "far below")):
        accounting._spent.cache_clear()

        def prv(*_: object, wrong: float = wrong) -> float:
            if math.isnan(wrong):
                raise ArithmeticError(f"it gave {wrong}")
            return wrong

        monkeypatch.setattr(accounting, "_prv", prv)
        told = spent(segments, 1e-5)
        assert (told.accountant, told.epsilon) == ("RDP", honest.epsilon_rdp)
        assert words in told.note
    accounting._spent.cache_clear()


class Tied(torch.nn.Module):
    """One weight used twice in a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(5, 5)
        self.last = torch.nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(torch.tanh(self.first(x)))))


def test_20_a_shared_weight_is_clipped_as_one_or_refused() -> None:
    torch.manual_seed(3)
    module = Tied()
    make_private(module, sgd(module), plan(), like=rows(4))  # equal to a loop over rows
    module = Tied()
    with pytest.raises(InputError, match="cannot clip this network by row in mode 'ghost'"):
        make_private(module, sgd(module), plan(grad_sample_mode="ghost"), like=rows(4))


def test_public_columns_do_not_depend_on_the_rows(table: pd.DataFrame) -> None:
    from evenhand.trainers.recipe.public import Public, declared_columns

    public = Public(bounds={"income": (0, 100)}, categories={"town": ("north", "south", "west")})
    names = ("income", "town")
    encoders = [
        TabularEncoder.fit(part, names, declared=declared_columns(public, part, names))
        for part in (table.iloc[:10], table.iloc[200:])
    ]
    assert encoders[0] == encoders[1]
    frame = pd.DataFrame({"income": [0.0, 50.0, 100.0, None], "town": ["west", "east", None, "x"]})
    # income: (value - 50) / 50 and whether it is missing; town: three names, missing, other
    assert encoders[0].transform(frame).tolist() == [
        [-1, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0, 1, 0],
        [0, 1, 0, 0, 0, 0, 1],
    ]


def test_public_data_stand_in_for_private_rows(
    recipe: dict, table: pd.DataFrame, tmp_path: Path
) -> None:
    table.iloc[:50].to_csv(tmp_path / "public.csv", index=False)
    public = {"data": str(tmp_path / "public.csv"), "bounds": {"income": [0, 100]}}
    result = train(given(recipe, public=public), out=tmp_path / "model")
    assert result.privacy.preprocessing == {
        "income": "declared public",
        "debts": "from public data",
        "town": "from public data",
        "owner": "from public data",
    }
    plain = train(given(recipe), out=tmp_path / "plain").privacy.preprocessing
    assert set(plain.values()) == {"outside the guarantee"}


@pytest.mark.parametrize(
    ("public", "words"),
    [
        ({"bounds": {"incme": [0, 1]}}, "did you mean: income"),
        ({"bounds": {"town": [0, 1]}}, "does not hold numbers"),
        ({"bounds": {"income": [9, 1]}}, "not below"),
        ({"categories": {"town": []}}, "categories of 'town'"),
    ],
)
def test_wrong_public_declarations_are_refused(recipe: dict, public: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepare(given(recipe, public=public))
