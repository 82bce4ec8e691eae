"""One door: what can run code when it reads a file is called in the modules that own it alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source import imports, modules

# Modules that own deserialisers which can run code, or nearly so.
OWNERS = {"evenhand.audit.models.unpickling.deserialise"}
# Modules that own one reader each of what strangers write, and nothing that can run code.
READERS = {
    "skops": {"evenhand.audit.models.formats.skops"},
    "pickletools": {"evenhand.audit.models.unpickling.pickle_imports"},
}
BANNED_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal"}
BANNED_MODULES |= {"shelve", "jsonpickle", "hickle", "runpy", "imp", "code", "codeop"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.jit.load"}
BANNED_CALLS |= {"torch.export.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
BANNED_CALLS |= {"joblib.load", "pickle.load", "pickle.loads", "pd.read_pickle", "os.system"}
BANNED_CALLS |= {"mlflow.pyfunc.load_model", "skops_load", "sympy.sympify"}
OUR_OWN = {"make_rules", "Rules"}  # they carry what the user allows; nothing is read by them
OPEN_BY_OPTION = {"allow_pickle", "trust_remote_code", "weights_only"}


def problems(module: str, tree: ast.AST) -> Iterator[str]:
    """What a module other than an owner may not do, in words."""
    for name in imports(tree):
        root = name.split(".")[0]
        if root in BANNED_MODULES:
            yield f"imports {name}"
        if root in READERS and module not in READERS[root] and not name.startswith("skops.io.dump"):
            yield f"imports {name}, which {', '.join(READERS[root])} owns"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in BANNED_CALLS and not (called == "skops_load" and module in READERS["skops"]):
            yield f"calls {called}"
        if called == "yaml.safe_load" and module != "evenhand.audit.files.safe_yaml":
            yield "reads YAML its own way"
        for option in node.keywords:
            given = ast.unparse(option.value)
            opens = given != ("True" if option.arg == "weights_only" else "False")
            if option.arg in OPEN_BY_OPTION and opens and called not in OUR_OWN:
                yield f"calls {called} with {option.arg}={given}"
            if option.arg == "shell" and given != "False":
                yield f"calls {called} with a shell"


EXCEPTIONS: dict[str, set[str]] = {
    "evenhand.audit.worker.isolation.probes": {"calls os.system"}
}  # a way out, tried


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value))
def test_deserialisers_are_called_by_their_owners_alone(module: str, path: Path) -> None:
    if module in OWNERS:
        return
    found = set(problems(module, ast.parse(path.read_text("utf-8"))))
    assert not found - EXCEPTIONS.get(module, set())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import pickle", "imports pickle"),
        ("from joblib import load", "imports joblib.load"),
        ("import torch\ntorch.load(p, weights_only=False)", "calls torch.load"),
        ("np.load(p, allow_pickle=True)", "allow_pickle=True"),
        ("np.load(p, allow_pickle=trusted)", "allow_pickle=trusted"),
        ("model = eval(text)", "calls eval"),
        ("AutoModel.from_pretrained(p, trust_remote_code=True)", "trust_remote_code=True"),
        ("import yaml\nyaml.load(text)", "calls yaml.load"),
        ("subprocess.run(line, shell=True)", "with a shell"),
    ],
)
def test_the_ban_catches_what_it_is_for(code: str, words: str) -> None:
    assert any(words in p for p in problems("audit.example", ast.parse(code)))


def test_a_load_that_failed_is_not_tried_in_another_way() -> None:
    """No handler of an exception in the formats' modules opens anything.

    But for a model behind a scaler: the same format is asked with the columns declared, where it
    said that it does not know what they are called.
    """
    for module, path in modules():
        if not module.startswith("evenhand.audit.models.") or module.endswith(".preprocessed"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.ExceptHandler):
                continue
            for call in (c for n in node.body for c in ast.walk(n) if isinstance(c, ast.Call)):
                name = ast.unparse(call.func).split(".")[-1]
                assert not name.startswith(("load", "open_")), f"{module}: {ast.unparse(call)}"
