"""What a run costs, measured or estimated; and the plan of one that never starts."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
import types
from pathlib import Path

import pytest
import torch

from evenhand.audit.cli import run as evenhand
from evenhand.audit.errors import InputError
from evenhand.trainers import train
from evenhand.trainers.fitting import energy, forecast
from evenhand.trainers.ledger.store import LedgerStore
from evenhand.trainers.plan import plan
from evenhand.trainers.private.accounting import spent
from evenhand.trainers.private.bracket import Segment


def test_flops_by_hand() -> None:
    module = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    # 2 * (5 * 4 + 4 * 2) = 56 a forward pass; 3 passes an example, 5 in ghost mode
    assert energy.flops_of(module, torch.zeros(1, 5), examples_seen=10)[0] == 56 * 3 * 10
    ghost, method = energy.flops_of(module, torch.zeros(1, 5), examples_seen=10, mode="ghost")
    assert ghost == 56 * 5 * 10 and "5 forward passes" in method


def test_without_codecarbon_energy_is_estimated_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    monkeypatch.setenv("EVENHAND_CORE_WATTS", "20")
    monkeypatch.setenv("EVENHAND_GRAMS_PER_KWH", "36")
    meter = energy.Meter()
    sum(i * i for i in range(300_000))
    cost = meter.stop()
    assert cost.energy_is == "estimated" and "20 W a core" in cost.energy_method
    assert cost.energy_j == pytest.approx(cost.cpu_s * 20) and cost.cpu_s >= 0
    # a kilowatt-hour is 3.6 million joule
    assert cost.carbon_g == pytest.approx(cost.energy_j / 3.6e6 * 36)
    assert cost.peak_memory_bytes > 10_000_000 and cost.wall_s > 0
    assert cost.to_json()["is_reproducible"] is False


class Tracker:
    """Stands in for CodeCarbon's: 2e-6 kWh, from a power meter or from a table."""

    def __init__(self, mode: str) -> None:
        self._hardware = [types.SimpleNamespace(_mode=mode)]
        self.final_emissions_data = types.SimpleNamespace(energy_consumed=2e-6)

    def start(self) -> None: ...

    def stop(self) -> None: ...


@pytest.mark.parametrize(("mode", "said"), [("intel_rapl", "measured"), ("tdp", "estimated")])
def test_codecarbon_is_used_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, mode: str, said: str
) -> None:
    fake = types.ModuleType("codecarbon")
    fake.OfflineEmissionsTracker = lambda **_: Tracker(mode)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "codecarbon", fake)
    cost = energy.Meter().stop()
    assert (cost.energy_is, cost.energy_j) == (said, pytest.approx(7.2))
    assert cost.energy_method.startswith("CodeCarbon")


def test_a_tracker_without_a_number_does_not_cost_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Tracker("tdp")
    del silent.final_emissions_data
    fake = types.ModuleType("codecarbon")
    fake.OfflineEmissionsTracker = lambda **_: silent  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "codecarbon", fake)
    cost = energy.Meter().stop()
    assert cost.energy_is == "estimated" and "gave no number" in cost.energy_method
    assert cost.energy_j == pytest.approx(cost.cpu_s * 10)


def test_the_real_codecarbon_needs_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("codecarbon")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    meter, started = energy.Meter(), time.process_time()
    while time.process_time() - started < 0.3:
        sum(i * i for i in range(10_000))
    cost = meter.stop()
    # which of the two depends on the machine: a power meter that it may read, or a table
    words = {"measured": "power meter", "estimated": "table of power"}[cost.energy_is]
    assert cost.energy_method.startswith("CodeCarbon") and words in cost.energy_method
    # from a hundredth of a watt to a kilowatt, whatever the machine
    assert 0.01 * cost.wall_s < cost.energy_j < 1000 * cost.wall_s
    assert cost.carbon_g == pytest.approx(cost.energy_j / 3.6e6 * 480)
    assert capfd.readouterr() == ("", "") and list(tmp_path.glob("*.csv")) == []


def test_a_wrong_declaration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENHAND_CORE_WATTS", "lots")
    with pytest.raises(InputError, match="EVENHAND_CORE_WATTS='lots'"):
        energy.estimate(1.0)


def test_the_cost_is_in_the_folder_and_in_the_result(private, plain) -> None:
    for result in (plain, private):
        told = json.loads((result.model / "cost.json").read_text())
        assert told == result.cost and told["schema"] == "evenhand-cost/1"
        assert told["energy_is"] in ("measured", "estimated") and told["is_of_the_whole_run"]
        assert told["flops"] > 0 and told["wall_s"] > 0


def test_a_resumed_run_says_that_its_cost_is_of_a_part(recipe: dict, tmp_path: Path) -> None:
    def stop(at: int, *_: object) -> None:
        if at == 2:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        train(recipe, out=tmp_path / "m", progress=stop, checkpoint_every=1)
    assert train(recipe, out=tmp_path / "m", resume=True).cost["is_of_the_whole_run"] is False


def test_a_plan_says_what_the_run_then_does(recipe: dict, tmp_path: Path) -> None:
    given = {**recipe, "batch_size": 64, "private": {"noise_multiplier": 4, "delta": 1e-4}}
    told = plan(given)
    assert not LedgerStore().exists and list(tmp_path.iterdir()) == []
    json.dumps(told)
    result = train(given, out=tmp_path / "model")
    for name in ("epsilon", "delta", "noise_multiplier", "sample_rate", "outside_guarantee"):
        assert told["private"][name] == result.privacy.to_json()[name], name
    assert told["private"]["steps"] == result.privacy.steps == 18
    assert told["n_train"] == result.n_train
    # a second run on the same rows: what both would cost together
    again = plan(given)["private"]["composition"]
    rate = result.privacy.sample_rate
    assert (again["runs"], again["overlap"]) == (2, 1.0)
    assert again["epsilon"] == spent([Segment(4.0, rate, 36)], 1e-4).epsilon
    assert told["estimate"]["energy_is"] == "estimated" and told["estimate"]["wall_s"] > 0


def test_plans_of_plain_networks_and_estimators(recipe: dict) -> None:
    told = plan(recipe)
    # 280 rows in batches of 64 are 5 steps an epoch; 4 inputs encode to 12 positions
    assert told["private"] is None and told["steps"] == 20
    estimator = {k: v for k, v in recipe.items() if k not in ("epochs", "architecture")}
    assert plan({**estimator, "model": "logistic"})["estimate"] is None


def test_the_command_plans_and_trains_nothing(
    recipe: dict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "tabular", "--data", recipe["data"], "--target", "answer"]
    command += ["--positive-label", "yes", "--sensitive-features", "sex", "--private", "--plan"]
    command += ["--noise-seed", "3", "--physical-batch-size", "16"]
    assert evenhand([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["private"]
    assert told["physical_batch_size"] == 16 and told["is_certified"] is False
    assert evenhand(command) == 0
    assert "outside the guarantee" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_command_goes_on_where_it_was_interrupted(
    recipe: dict,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evenhand.trainers.fitting.checkpoint import Interrupts

    command = ["train", "tabular", "--data", recipe["data"], "--target", "answer", "--quiet"]
    command += ["--positive-label", "yes", "--epochs", "2", "--out", str(tmp_path / "m")]
    enter = Interrupts.__enter__
    with monkeypatch.context() as patch:
        patch.setattr(
            Interrupts, "__enter__", lambda self: (enter(self), self._ask(signal.SIGINT))[0]
        )
        assert evenhand(command) == 130
    assert "--resume" in capsys.readouterr().err
    assert evenhand(command) == 2
    assert evenhand([*command, "--resume"]) == 0 and (tmp_path / "m" / "model.json").exists()


def test_a_forecast_has_every_part_of_the_run_and_is_their_sum(recipe: dict) -> None:
    told = plan({**recipe, "private": {"noise_multiplier": 4, "delta": 1e-4}})["estimate"]
    parts = {"prepare", "noise", "build", "steps", "accounting", "ledger", "measuring"}
    assert parts <= set(told["parts_s"])
    assert told["wall_s"] == pytest.approx(sum(told["parts_s"].values()))


def test_a_step_is_forecast_by_what_it_costs_and_what_each_row_adds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2 ms a step and 10 us a row: 512 rows take 7.12 ms, 2,048 rows 22.48; not four times 7.12."""
    monkeypatch.setattr(forecast, "_step", lambda network, planned: lambda n: n)
    monkeypatch.setattr(forecast, "_mean_seconds", lambda do: 2e-3 + 1e-5 * do())
    network = forecast.Rehearsed(None, None, raw=lambda n: None, made_up=lambda n: None)  # type: ignore[arg-type,return-value]
    assert forecast.seconds_a_step(network, None, 512) == pytest.approx(7.12e-3)
    assert forecast.seconds_a_step(network, None, 2048) == pytest.approx(22.48e-3)
