"""Cheaters as TorchScript: programs that say nothing of themselves in Python."""

import torch


class SniffsBatches(torch.nn.Module):
    """Another answer in small batches."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x.sum(1, keepdim=True)
        if x.size(0) < 64:
            score = score - 1.0
        return score


class CountsCalls(torch.nn.Module):
    """Another answer from the third call on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x.sum(1, keepdim=True) - (self.calls > 2).float()


class LeavesDropoutOn(torch.nn.Module):
    """Dropout that evaluation does not switch off."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.dropout(x, 0.1, training=True).sum(1, keepdim=True)


class AddsNoise(torch.nn.Module):
    """A little chance in every answer."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(1, keepdim=True) + 0.01 * torch.randn(x.size(0), 1)


class NormalisesByBatch(torch.nn.Module):
    """Batch normalisation that stays in training mode."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.batch_norm(x, None, None, training=True).sum(1, keepdim=True)


class LooksAtTheFirstRow(torch.nn.Module):
    """Another answer to all, by who comes first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum(1, keepdim=True) - (x[0, 0] > 0).float()


KINDS = {
    "batch size": SniffsBatches,
    "call count": CountsCalls,
    "dropout": LeavesDropoutOn,
    "noise": AddsNoise,
    "batch normalisation": NormalisesByBatch,
    "first row": LooksAtTheFirstRow,
}
