"""Starting from a model that was trained before: which weights are taken, which stay as they
are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from evenhand.audit.errors import InputError, nearest
from evenhand.audit.words.numbers import at_most
from evenhand.trainers.data.rows import rows_of
from evenhand.trainers.ledger.store import LedgerStore

if TYPE_CHECKING:
    import torch

    from evenhand.trainers.data.prepared import Prepared


def start_from(module: torch.nn.Module, prepared: Prepared) -> tuple[str, ...]:
    """Copies the pretrained weights into ``module``; returns the tensors that start from chance.

    Those are the last layer's where the question is another one (task, classes or number of
    outputs); every other tensor must fit. Raises InputError where inputs are encoded in another
    way or a tensor does not fit.
    """
    import torch

    pretrained = prepared.pretrained
    if pretrained is None:
        return ()
    if (
        prepared.encoder is None
        or prepared.encoder.to_json() != pretrained.network.encoder.to_json()
    ):
        raise InputError(
            "init_from={pretrained_path!r} encodes its inputs in another way",
            remedy="use the inputs that it was trained on",
            pretrained_path=str(pretrained.path),
        )
    stored, own = pretrained.network.module.state_dict(), module.state_dict()
    head = _last_layer(own)
    replaced = () if _same_question(prepared) and _fits(stored, own, head) else head
    for name in [n for n in dict.fromkeys((*own, *stored)) if n not in replaced]:
        theirs, ours = stored.get(name), own.get(name)
        if theirs is None or ours is None or theirs.shape != ours.shape:
            raise InputError(
                "init_from={pretrained_path!r}: tensor {name!r} is {theirs} there and {ours} here",
                remedy="leave model and architecture out: they are taken from init_from",
                pretrained_path=str(pretrained.path),
                name=name,
                theirs=_shape(theirs),
                ours=_shape(ours),
            )
    with torch.no_grad():
        for name, tensor in own.items():
            if name not in replaced:
                tensor.copy_(stored[name])
    return replaced


def freeze(module: torch.nn.Module, patterns: Iterable[str]) -> tuple[str, ...]:
    """Parameters that match get no gradient from now on; returns their names.

    A pattern names a layer (``0``, ``embedding``), a parameter (``0.weight``), or several with
    ``*`` and ``?``. Raises InputError for one that matches nothing, and where all would be frozen.
    """
    names = [name for name, _ in module.named_parameters()]
    layers = sorted({name.rpartition(".")[0] for name in names} - {""})
    frozen: set[str] = set()
    for pattern in patterns:
        hit = {n for n in names if any(fnmatchcase(part, pattern) for part in _parts(n))}
        if not hit:
            shown = ", ".join(layers[:20])
            raise InputError(
                "freeze={pattern!r} matches no layer; they are {shown}",
                remedy=nearest(pattern, layers),
                pattern=pattern,
                shown=shown,
            )
        frozen |= hit
    if frozen == set(names) and names:
        raise InputError("freeze names every layer", remedy="leave one to train")
    for name, parameter in module.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
    return tuple(n for n in names if n in frozen)


def pretrained_record(
    prepared: Prepared, replaced: tuple[str, ...], frozen: tuple[str, ...]
) -> dict[str, Any] | None:
    """What model.json says about where training started from; None where from chance."""
    found = prepared.pretrained
    if found is None:
        return None
    stated, privacy = found.network.description, found.network.privacy
    return {
        "model": stated.name,
        "weights_digest": found.weights_digest,
        "dataset": stated.dataset,
        "task": stated.task,
        "target": stated.target,
        "n_train": stated.n_train,
        "training_data_digest": stated.training_data_digest,
        "was_private": privacy is not None,
        "epsilon": privacy.epsilon if privacy else None,
        "delta": privacy.delta if privacy else None,
        "is_composed": False,
        "replaced": list(replaced),
        "frozen": list(frozen),
    }


def require_apart(prepared: Prepared) -> None:
    """Refuses to fine-tune privately what was trained without privacy on any of the same rows.

    Raises InputError. Which rows a model of this place was trained on the ledger store knows, in
    whatever order and file they come; of a model from elsewhere ``overlap_statement`` says that
    nobody here can know.
    """
    pretrained = prepared.pretrained
    store = LedgerStore()
    if pretrained is not None and prepared.recipe.private is not None and store.exists:
        rows = store.row_set(rows_of(prepared))
        shared = store.seen_plainly(rows, pretrained.weights_digest)
        if shared:
            raise InputError(
                "init_from={pretrained_path!r} was trained without privacy on {shared} of "
                "the {n_rows} rows of this run: no noise added now takes back what its weights "
                "hold",
                remedy="pretrain on other, public rows, or privately",
                pretrained_path=str(pretrained.path),
                shared=shared,
                n_rows=len(rows),
            )
    if (
        pretrained is None
        or prepared.recipe.private is None
        or pretrained.network.privacy is not None
    ):
        return
    stated = pretrained.network.description
    is_same = stated.training_data_digest == prepared.training_digest
    if is_same or (
        stated.source_digest is not None and stated.source_digest == prepared.source_digest
    ):
        raise InputError(
            "init_from={pretrained_path!r} was trained without privacy on rows of the same "
            "data: no noise added now takes back what its weights hold",
            remedy="pretrain on other, public rows, or privately",
            pretrained_path=str(pretrained.path),
        )


def overlap_statement(prepared: Prepared) -> str | None:
    """What a private run's record says about the model that it started from; None without one."""
    found = prepared.pretrained
    if found is None:
        return None
    stated, privacy = found.network.description, found.network.privacy
    start = f"the weights it started from: model {stated.name!r} of data set {stated.dataset!r}, "
    if privacy is None:
        return start + "trained without privacy: rows of these among its own are not protected"
    return start + (
        f"trained privately (epsilon {at_most(privacy.epsilon)}, delta {privacy.delta:g}): that "
        "budget is not in this one, and adds to it for rows that are among both"
    )


def _same_question(prepared: Prepared) -> bool:
    if prepared.pretrained is None:
        return False
    stated = prepared.pretrained.network.description
    if prepared.task == "regression":
        return stated.task == "regression" and stated.target_scale == prepared.target_scale
    return (stated.task, stated.classes) == (prepared.task, prepared.classes)


def _fits(
    given: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], names: tuple[str, ...]
) -> bool:
    return all(n in given and given[n].shape == own[n].shape for n in names)


def _last_layer(tensors: Mapping[str, torch.Tensor]) -> tuple[str, ...]:
    """The tensors of the layer that comes last, which is the one that answers."""
    last = list(tensors)[-1].rpartition(".")[0]
    return tuple(n for n in tensors if n.rpartition(".")[0] == last)


def _parts(name: str) -> list[str]:
    """A parameter's own name and those of the layers around it: a.b.weight, a.b, a."""
    pieces = name.split(".")
    return [".".join(pieces[:i]) for i in range(len(pieces), 0, -1)]


def _shape(tensor: torch.Tensor | None) -> str:
    return "not there" if tensor is None else f"of shape {tuple(tensor.shape)}"
