"""Fits a network to examples, plainly or privately, and writes its part of the folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError
from evenhand.trainers.data.prepared import Fitted, Prepared
from evenhand.trainers.data.rows import example_rows, rows_of
from evenhand.trainers.data.units import unit_of
from evenhand.trainers.examples import CurvePoint, Examples, made_up_examples, seeded
from evenhand.trainers.fitting.beginning import Beginning, validation_notes
from evenhand.trainers.fitting.loop import Loop, Progress, make_optimizer, run, without_loss
from evenhand.trainers.fitting.loop import shuffled_batches as shuffled
from evenhand.trainers.fitting.measuring import measure_network
from evenhand.trainers.fitting.session import TrainingSession
from evenhand.trainers.fitting.starting import pretrained_record
from evenhand.trainers.fitting.statements import outside_guarantee, preprocessing_of, settings_of
from evenhand.trainers.fitting.stopping import Watch, watch_rows
from evenhand.trainers.folder.reading import in_units
from evenhand.trainers.folder.writing import FolderWriter, write_network
from evenhand.trainers.ledger import record as ledger
from evenhand.trainers.private.accounting import Spent
from evenhand.trainers.private.dials import Private
from evenhand.trainers.private.memory import fit_to_memory
from evenhand.trainers.recipe.recipe import Recipe
from evenhand.trainers.recipe.schedules import factor_of

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.private.plan import NoisePlan


@dataclass(frozen=True)
class Trained:
    """A trained module in evaluation mode, its learning curve, and (private) the plan and the
    steps of it that were executed."""

    module: torch.nn.Module
    curve: tuple[CurvePoint, ...]
    plan: NoisePlan | None = None
    executed_steps: int = 0
    n_not_finite: int = 0
    watch: Watch | None = None

    @property
    def spending(self) -> Spent | None:
        """What the executed steps spent; None in plain training."""
        return self.plan.spending_after(self.executed_steps) if self.plan else None


_FROZEN_BATCH = 1024
_PREFLIGHT_ROWS = 4
EPSILON_POINTS = 20  # each point of the epsilon curve is an accountant's run


def fit_network(
    prepared: Prepared,
    writer: FolderWriter,
    progress: Progress | None = None,
    session: TrainingSession | None = None,
) -> Fitted:
    """Trains the recipe's network; encoder, weights and (private) ledger are in the folder then."""
    recipe, encoder = prepared.recipe, prepared.encoder
    if encoder is None:
        raise ValueError("a network needs an encoder")

    with session or new_session(prepared) as around:
        trained, begun = train_prepared_network(prepared, progress, around)
        digest = write_network(writer, trained.module, encoder)
        parameters = network_parameters(recipe, prepared.architecture_defaults)
        test = measure_network(in_units(trained.module, prepared.target_scale), prepared)
        seen = validation_notes(prepared, trained.watch)
        fitted = Fitted(
            test,
            trained.curve,
            seen,
            architecture=recipe.model,
            parameters=parameters,
            pretrained=pretrained_record(prepared, begun.replaced, begun.frozen),
        )
        if trained.plan is None or recipe.private is None:
            began_as = prepared.pretrained.weights_digest if prepared.pretrained else None
            return replace(fitted, notes=around.mark_plain(digest, began_as))
        around.close(trained.plan, trained.executed_steps, digest, trained.n_not_finite)
        if around.run_ledger is not None:
            writer.write(ledger.FILE, around.run_ledger.path.read_bytes())
    curve, notes = _published(trained.curve, keep=recipe.private.keep_loss_curve)
    return replace(fitted, curve=curve, curve_notes={**notes, **seen}, privacy=around.privacy())


def train_prepared_network(
    prepared: Prepared, progress: Progress | None, session: TrainingSession
) -> tuple[Trained, Beginning]:
    """Trains the network of what was prepared, and says what it began with."""
    begun = Beginning(prepared)
    trained = train_network(
        prepared.recipe,
        prepared.train,
        prepared.n_outputs,
        defaults=prepared.architecture_defaults,
        progress=progress,
        session=session,
        start=begun,
        validation=prepared.validation,
        unit=prepared.target_scale.scale if prepared.target_scale else 1.0,
    )
    begun.require_frozen_kept(trained.module)
    return trained, begun


def new_session(prepared: Prepared, **options: Any) -> TrainingSession:
    """The session of a run on ``prepared``; ``options`` are Session's own."""
    return TrainingSession(
        rows=lambda: rows_of(prepared),
        dataset_digest=prepared.training_digest,
        outside=outside_guarantee(prepared) if prepared.recipe.private else (),
        preprocessing=preprocessing_of(prepared),
        **options,
    )


def _published(
    curve: tuple[CurvePoint, ...], *, keep: bool
) -> tuple[tuple[CurvePoint, ...], dict[str, str]]:
    """The curve of a private run as the folder holds it: losses are computed without noise."""
    if keep:
        return curve, {"note": "the losses are computed from private rows, outside the guarantee"}
    note = "losses are left out: they are computed from private rows without noise"
    return tuple(replace(point, loss=None, measure=None) for point in curve), {"note": note}


def network_parameters(recipe: Recipe, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture's parameters in full; the recipe's own win over what the data dictate."""
    from evenhand.trainers.architectures import architecture

    chosen = architecture(recipe.model)
    full: dict[str, Any] = chosen.full_parameters({**defaults, **recipe.architecture})
    return full


def train_network(
    recipe: Recipe,
    examples: Examples,
    n_outputs: int,
    *,
    defaults: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    session: TrainingSession | None = None,
    start: Callable[[torch.nn.Module], None] | None = None,
    validation: Examples | None = None,
    unit: float = 1.0,
) -> Trained:
    """Builds and trains the recipe's network; ``defaults`` are parameters that the data dictate.

    ``start`` gets the network before training. ``validation`` examples are looked at after each
    epoch; ``unit`` is what a standardised target's 1 stands for.

    Initial weights, dropout and (plain) batches follow ``recipe.seed``; torch's global generator
    is left as it was. ``session`` holds ledger and checkpoints; without one a private run enters
    the ledger store under its examples. The module comes back on the CPU.
    """
    from evenhand.trainers import distributed
    from evenhand.trainers.architectures import architecture

    chosen = architecture(recipe.model)
    parameters = network_parameters(recipe, defaults or {})
    around = session or TrainingSession(rows=lambda: example_rows(examples))
    on = examples.to(distributed.device())
    with seeded(recipe.seed):
        module = chosen.build(tuple(examples.inputs.shape[1:]), n_outputs, parameters)
        if start:
            start(module)
        module = module.to(distributed.device())
        body, head = split_frozen(chosen, module)
        on = through(body, on)
        watch = None
        if validation is not None:
            seen = through(body, validation.to(distributed.device()))
            watch = watch_rows(seen, on, recipe.early_stopping, unit=unit)
        if recipe.private is None:
            trained = _fit_plain(head, on, recipe, parameters, progress, around, watch)
        else:

            def made_up(n: int) -> Examples:
                return made_up_examples(on, n_outputs, parameters, n).to(distributed.device())

            trained = _fit_private(head, on, recipe, parameters, made_up, progress, around, watch)
    if body is not None:
        trained = replace(trained, module=module)
    trained = replace(trained, watch=watch)
    _require_finite_weights(trained.module)
    trained.module.cpu().eval()
    return trained


def split_frozen(chosen: Any, module: torch.nn.Module) -> tuple[Any, Any]:
    """The part of an architecture's module that is never trained (or None), and the rest."""
    split = getattr(chosen, "split_frozen", None)
    return split(module) if split else (None, module)


def through(body: torch.nn.Module | None, examples: Examples) -> Examples:
    """Examples as a fixed part of the network gives them on: computed once, not at every step."""
    import torch

    if body is None:
        return examples
    with torch.no_grad():
        starts = range(0, max(1, len(examples)), _FROZEN_BATCH)
        parts = [body(examples.inputs[i : i + _FROZEN_BATCH]) for i in starts]
    return replace(examples, inputs=torch.cat(parts))


def _fit_plain(
    module: torch.nn.Module,
    examples: Examples,
    recipe: Recipe,
    parameters: Mapping[str, Any],
    progress: Progress | None,
    session: TrainingSession,
    watch: Watch | None,
) -> Trained:
    import torch

    from evenhand.trainers import distributed

    epochs = recipe.descent.epochs
    batch_size = min(recipe.descent.batch_size, len(examples))
    generator = torch.Generator().manual_seed(recipe.seed)
    optimizer = _optimizer(module, recipe)
    world = distributed.world_size()
    settings = settings_of(recipe.to_json(), parameters, session.dataset_digest, None, world)
    standing = session.begin(module, optimizer, settings)
    batches = shuffled(len(examples), batch_size, generator)
    steps = epochs * -(-len(examples) // batch_size)
    _put_back(watch, session)
    loop = Loop(
        batches=islice(batches, standing.step, None),
        steps=steps,
        epochs=epochs,
        join=torch.mean,
        take=distributed.shared_step(optimizer) if world > 1 else None,
        standing=standing,
        after_step=session.after_step(module, optimizer, watch.state if watch else None),
        factor=factor_of(recipe.descent.schedule, steps=steps, epochs=epochs),
        watch=watch,
    )
    wrapped = distributed.add_up_plain(module)
    return Trained(module, run(wrapped, optimizer, examples, loop, progress))


def _fit_private(
    module: torch.nn.Module,
    examples: Examples,
    recipe: Recipe,
    parameters: Mapping[str, Any],
    made_up: Callable[[int], Examples],
    progress: Progress | None,
    session: TrainingSession,
    watch: Watch | None,
) -> Trained:
    import torch

    from evenhand.trainers import distributed
    from evenhand.trainers.architectures import architecture
    from evenhand.trainers.private.beginning import make_private
    from evenhand.trainers.private.wrapping import known_warnings_silenced, unwrap

    chosen = architecture(recipe.model)
    plan = plan_of(recipe, len(examples), world_size=distributed.world_size())
    to_private = getattr(chosen, "to_private", None)
    from_private = getattr(chosen, "from_private", None)
    if to_private:
        module = to_private(module)
    limit = recipe.private.memory_limit if recipe.private else None
    plan = fit_to_memory(plan, module, made_up, limit)
    optimizer = _optimizer(module, recipe)
    settings = settings_of(
        recipe.to_json(), parameters, session.dataset_digest, plan, plan.world_size
    )
    standing = session.begin(module, optimizer, settings)
    distributed.same_start(module)
    parts = make_private(
        module,
        optimizer,
        plan,
        like=made_up(_PREFLIGHT_ROWS),
        authorise=session.authorise,
        start_step=standing.step,
    )
    _put_back(watch, session)
    standing_step = standing.step
    loop = Loop(
        parts.batches,
        plan.steps,
        recipe.descent.epochs,
        torch.sum,
        _epsilon_curve(plan, recipe.descent.epochs),
        take=parts.take,
        standing=standing,
        after_step=session.after_step(module, optimizer, watch.state if watch else None),
        factor=factor_of(recipe.descent.schedule, steps=plan.steps, epochs=recipe.descent.epochs),
        watch=watch,
    )
    session.open_ledger(plan, standing.step)
    with known_warnings_silenced():
        curve = run(parts.module, parts.optimizer, examples, loop, _heard(progress, recipe))
    trained = unwrap(parts)
    trained = from_private(trained) if from_private else trained
    executed = plan.steps - standing_step if _was_stopped(watch) else parts.executed()
    return Trained(trained, curve, plan, executed, parts.n_not_finite)


def _heard(progress: Progress | None, recipe: Recipe) -> Progress | None:
    is_kept = recipe.private is not None and recipe.private.keep_loss_curve
    return progress if progress is None or is_kept else without_loss(progress)


def _was_stopped(watch: Watch | None) -> bool:
    """Whether training ended early. When to stop was decided on what the steps gave: that saves no
    budget, and every planned step of the segment counts."""
    return watch is not None and watch.stopped_after is not None


def plan_of(recipe: Recipe, n_train: int, *, world_size: int = 1) -> NoisePlan:
    """The plan of a private recipe for ``n_train`` rows, in its architecture's fastest mode."""
    from evenhand.trainers.architectures import architecture
    from evenhand.trainers.private.plan import GRAD_SAMPLE_MODE, plan_private

    return plan_private(
        recipe.private or Private(),
        n_train=n_train,
        batch_size=recipe.descent.batch_size,
        epochs=recipe.descent.epochs,
        grad_sample_mode=getattr(architecture(recipe.model), "GRAD_SAMPLE_MODE", GRAD_SAMPLE_MODE),
        world_size=world_size,
        unit=unit_of(recipe),
    )


def _epsilon_curve(plan: NoisePlan, epochs: int) -> Callable[[int], float | None]:
    every = -(-epochs // EPSILON_POINTS)

    def epsilon_after(step: int) -> float | None:
        epoch = step * epochs // plan.steps
        is_shown = epoch % every == 0 or step == plan.steps
        return plan.spending_after(step).epsilon if is_shown else None

    return epsilon_after


def _optimizer(module: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    wanted = recipe.descent
    return make_optimizer(
        module,
        wanted.optimizer,
        learning_rate=wanted.learning_rate,
        weight_decay=wanted.weight_decay,
        momentum=wanted.momentum,
        nesterov=wanted.nesterov,
        l1=wanted.l1,
    )


def _put_back(watch: Watch | None, session: TrainingSession) -> None:
    """A resumed run's watch goes on where it was."""
    if watch is not None and session.extra:
        watch.put_back(session.extra, session.extra_tensors("best"))


def _require_finite_weights(module: torch.nn.Module) -> None:
    import torch

    for name, parameter in module.named_parameters():
        if not torch.isfinite(parameter).all():
            raise InputError(
                "training diverged: {name!r} is not finite",
                remedy="use a smaller learning_rate",
                name=name,
            )
