"""Where chance comes from in private training: the operating system, or (not certified) a seed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ENTROPY = "operating system entropy"
SEEDED = "seeded"
NOT_CERTIFIED = "noise and sampling follow a seed: whoever knows it can take the noise away again"


def entropy_generator(device: Any = "cpu") -> torch.Generator:
    """A torch generator whose whole state comes from the operating system's entropy.

    ``manual_seed`` would keep 32 bits of a seed, few enough to try them all; the state itself
    (624 words of the Mersenne Twister) is written instead. CUDA's generator (Philox) has a key of
    64 bits, which is all that it can be given.
    """
    import torch

    generator = torch.Generator(device=device)
    if torch.device(device).type != "cpu":
        generator.manual_seed(int.from_bytes(os.urandom(8), "little", signed=True))
        return generator
    generator.manual_seed(0)
    state = generator.get_state()
    words = torch.frombuffer(bytearray(os.urandom(624 * 4)), dtype=torch.int32).to(torch.int64)
    words &= 0xFFFFFFFF
    # After the seed come: left (4 bytes), seeded (4), next (8), then the words, 8 bytes each.
    # left = 1 after manual_seed, so that the first draw mixes the whole state.
    state[24 : 24 + 624 * 8] = words.view(torch.uint8)
    generator.set_state(state)
    return generator


def seeded_generator(seed: int, *purpose: object, device: Any = "cpu") -> torch.Generator:
    """A generator that follows ``seed``, another one for each ``purpose`` (noise, sampling, the
    step that a run is resumed at: the same noise must never be drawn twice)."""
    import torch

    name = "/".join(str(part) for part in (seed, *purpose))
    digest = hashlib.sha256(f"evenhand noise {name}".encode()).digest()
    generator = torch.Generator(device=device)
    generator.manual_seed(int.from_bytes(digest[:8], "little", signed=True))
    return generator
