"""Fits a network to a table, plainly or privately, and writes its part of the folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from audit.errors import InputError
from trainers import ledger
from trainers.accounting import Spent
from trainers.encoders import CategoricalColumn, TabularEncoder
from trainers.fit import Examples, Loop, Point, Progress, make_optimizer, run, seeded
from trainers.fit import shuffled_batches as shuffled
from trainers.folder_writer import FolderWriter, library_versions, write_network
from trainers.recipe import Private, Recipe
from trainers.tabular import Fitted, Task, class_weights

if TYPE_CHECKING:
    import torch

    from trainers.private import Plan


@dataclass(frozen=True)
class Trained:
    """A trained module in evaluation mode, its learning curve, and (private) the plan and the
    steps of it that were executed."""

    module: torch.nn.Module
    curve: tuple[Point, ...]
    plan: Plan | None = None
    executed_steps: int = 0

    @property
    def cost(self) -> Spent | None:
        """What the executed steps cost; None in plain training."""
        return self.plan.cost_after(self.executed_steps) if self.plan else None


_EPSILON_POINTS = 20  # each point of the epsilon curve is an accountant's run


def fit_network(
    task: Task, writer: FolderWriter, progress: Progress | None, training_digest: str
) -> Fitted:
    """Trains the recipe's network; encoder, weights and (private) ledger are in the folder then."""
    from trainers.architectures import architecture
    from trainers.model_folder import network_scores

    recipe = task.recipe
    categorical = tuple(c for c in recipe.categorical if c in task.inputs)
    encoder = TabularEncoder.fit(task.rows.train, task.inputs, categorical=categorical)
    examples = encode_examples(task, encoder)

    def open_ledger(plan: Plan) -> None:
        outside = outside_guarantee(task, encoder)
        ledger.open_run(writer.ledger, opening_entry(plan, training_digest, outside))

    trained = train_network(recipe, examples, len(task.classes), progress, open_ledger)
    digest = write_network(writer, trained.module, encoder)
    parameters = architecture(recipe.model).full_parameters(recipe.architecture)
    scores = network_scores(trained.module, encoder.transform(task.rows.test))
    curve, cost = trained.curve, trained.cost
    if cost is None or recipe.private is None:
        return Fitted(scores, curve, architecture=recipe.model, parameters=parameters)
    ledger.close_run(
        writer.ledger,
        ledger.Closed(
            executed_steps=trained.executed_steps,
            epsilon=cost.epsilon,
            epsilon_rdp=cost.epsilon_rdp,
            weights_digest=digest,
        ),
    )
    if recipe.private.keep_loss_curve:
        notes = {"note": "the losses are computed from private rows, outside the guarantee"}
    else:
        notes = {"note": "losses are left out: they are computed from private rows without noise"}
        curve = tuple(replace(point, loss=None) for point in curve)
    privacy = ledger.read_ledger(writer.ledger).to_privacy()
    return Fitted(scores, curve, notes, privacy, recipe.model, parameters)


def encode_examples(task: Task, encoder: TabularEncoder) -> Examples:
    """The training rows as tensors, each row weighted by its class."""
    import torch

    codes = task.codes(task.rows.train)
    return Examples(
        inputs=torch.from_numpy(encoder.transform(task.rows.train)),
        targets=torch.from_numpy(codes),
        weights=torch.from_numpy(class_weights(task)[codes]).float(),
    )


def train_network(
    recipe: Recipe,
    examples: Examples,
    n_classes: int,
    progress: Progress | None = None,
    before_first_step: Callable[[Plan], None] | None = None,
) -> Trained:
    """Builds and trains the recipe's network.

    Initial weights, dropout and (plain) batches follow ``recipe.seed``; torch's global generator
    is left as it was. ``before_first_step`` gets the plan before anything is spent.
    """
    from trainers.architectures import architecture

    n_inputs = examples.inputs.shape[1]
    with seeded(recipe.seed):
        module = architecture(recipe.model).build(n_inputs, n_classes, recipe.architecture)
        if recipe.private is None:
            trained = _fit_plain(module, examples, recipe, progress)
        else:
            trained = _fit_private(module, examples, recipe, progress, before_first_step)
    _require_finite_weights(module)
    module.eval()
    return trained


def _fit_plain(
    module: torch.nn.Module, examples: Examples, recipe: Recipe, progress: Progress | None
) -> Trained:
    import torch

    epochs = recipe.descent.epochs
    batch_size = min(recipe.descent.batch_size, len(examples))
    generator = torch.Generator().manual_seed(recipe.seed)
    loop = Loop(
        batches=shuffled(len(examples), batch_size, generator),
        steps=epochs * -(-len(examples) // batch_size),
        epochs=epochs,
        join=torch.mean,
    )
    return Trained(module, run(module, _optimizer(module, recipe), examples, loop, progress))


def _fit_private(
    module: torch.nn.Module,
    examples: Examples,
    recipe: Recipe,
    progress: Progress | None,
    before_first_step: Callable[[Plan], None] | None,
) -> Trained:
    import torch

    from trainers.private import known_warnings_silenced, make_private, plan_private, unwrap

    epochs = recipe.descent.epochs
    plan = plan_private(
        recipe.private or Private(),
        n_train=len(examples),
        batch_size=recipe.descent.batch_size,
        epochs=epochs,
    )
    parts = make_private(
        module, _optimizer(module, recipe), plan, n_inputs=examples.inputs.shape[1]
    )
    every = -(-epochs // _EPSILON_POINTS)

    def epsilon_after(step: int) -> float | None:
        epoch = step * epochs // plan.steps
        is_shown = epoch % every == 0 or step == plan.steps
        return plan.cost_after(step).epsilon if is_shown else None

    loop = Loop(parts.batches, plan.steps, epochs, torch.sum, epsilon_after)
    if before_first_step:
        before_first_step(plan)
    with known_warnings_silenced():
        curve = run(parts.module, parts.optimizer, examples, loop, progress)
    return Trained(unwrap(parts), curve, plan, parts.executed())


def _optimizer(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    wanted = recipe.descent
    return make_optimizer(
        module,
        wanted.optimizer,
        learning_rate=wanted.learning_rate,
        weight_decay=wanted.weight_decay,
    )


def _require_finite_weights(module: torch.nn.Module) -> None:
    import torch

    for name, parameter in module.named_parameters():
        if not torch.isfinite(parameter).all():
            raise InputError(
                f"training diverged: {name!r} is not finite", remedy="use a smaller learning_rate"
            )


def opening_entry(plan: Plan, dataset_digest: str, outside: tuple[str, ...]) -> ledger.Opened:
    """The ledger's opening line for a plan."""
    from trainers.private import ADJACENCY, NOISE, SAMPLER, UNIT

    return ledger.Opened(
        dataset_digest=dataset_digest,
        n_train=plan.n_train,
        unit=UNIT,
        adjacency=ADJACENCY,
        sampler=SAMPLER,
        accountant=plan.cost.accountant,
        noise=NOISE,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.max_grad_norm,
        sample_rate=plan.sample_rate,
        delta=plan.delta,
        planned_steps=plan.steps,
        epsilon=plan.cost.epsilon,
        epsilon_rdp=plan.cost.epsilon_rdp,
        outside_guarantee=outside,
        warnings=plan.warnings,
        versions=library_versions("torch", "opacus", "numpy", "scipy"),
    )


def outside_guarantee(task: Task, encoder: TabularEncoder) -> tuple[str, ...]:
    """What the folder holds that was computed from the private rows without noise, in words."""
    n_categorical = sum(isinstance(c, CategoricalColumn) for c in encoder.columns)
    n_numeric = len(encoder.columns) - n_categorical
    said = ["the number of training rows, their digest and the list of classes"]
    if n_numeric:
        said.append(f"means and standard deviations of {n_numeric} numeric columns (encoder)")
    if n_categorical:
        said.append(f"category lists of {n_categorical} columns (encoder)")
    said.append("training means of the encoded inputs (encoder baseline)")
    if task.recipe.class_weight == "balanced":
        said.append("class weights, from the class counts")
    if task.recipe.private is not None and task.recipe.private.keep_loss_curve:
        said.append("training losses by epoch (curves.json)")
    said.append("hyper-parameters: how they were chosen is not known")
    said.append("held-out rows and what was measured on them: they were not trained on")
    return tuple(said)
