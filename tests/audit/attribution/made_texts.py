"""Small networks that read and continue texts."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from evenhand.trainers.architectures import lstm_generator, text_classifier
from evenhand.trainers.encoders.text import TextEncoder
from evenhand.trainers.encoders.tokenisers import learn
from evenhand.trainers.folder.predictors import NetworkPredictor

TEXTS = ["Anna says the film was GOOD", " omar says  the film\nwas bad, really", "", "naïve café"]
FRAME = pd.DataFrame({"text": TEXTS})


def classifier(kind: Any) -> NetworkPredictor:
    torch.manual_seed(2)
    tokeniser = learn(kind, TEXTS, 300)
    encoder = TextEncoder("text", tokeniser, 48)
    module = text_classifier.build(encoder.input_shape, 2, {"vocabulary": tokeniser.size})
    return NetworkPredictor(module, encoder, "binary", ("no", "yes"), {})


@cache
def generator() -> NetworkPredictor:
    """Trained until it says "cat" after "kit" and "dog" after "pup", whatever stands between."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    middle = rng.choice(["or so", "as is", "to us"], 200)
    first = rng.choice(["kit", "pup"], 200)
    said = np.where(first == "kit", "cat", "dog")
    rows = [f"{a} {b} {c}" for a, b, c in zip(first, middle, said, strict=True)]
    encoder = TextEncoder("text", learn("words", rows, 40), 12, starts=True)
    frame = pd.DataFrame({"text": rows})
    params = {"vocabulary": encoder.n_outputs, "width": 12, "hidden": 24, "layers": 1}
    module = lstm_generator.build(encoder.input_shape, encoder.n_outputs, params)
    inputs = torch.from_numpy(encoder.transform(frame))
    targets = torch.from_numpy(encoder.targets(frame, ignored=-100))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        logits = module(inputs).flatten(0, 1)
        torch.nn.functional.cross_entropy(logits, targets.flatten(), ignore_index=-100).backward()
        optimizer.step()
    return NetworkPredictor(module.eval(), encoder, "generation", (), {})
