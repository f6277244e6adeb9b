"""Random numbers that follow from where they are drawn, so that no state of a generator has to be kept."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*place: int | str) -> int:
    """64 bits, others for each place such as ``("clip", seed, epoch, number)``, and always the same ones."""
    return int.from_bytes(hashlib.blake2b(repr(place).encode(), digest_size=8).digest())


@contextmanager
def seeded(*place: int | str) -> Iterator[None]:
    """Torch's global generator of the CPU begins at the seed of `place`; afterwards it is as before."""
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed_of(*place))
    try:
        yield
    finally:
        torch.set_rng_state(before)
