"""How libx264 encodes the same frames to the same file."""

from functools import cache

from dyninf.processor import processor_abilities


@cache
def repeatable() -> dict[str, str]:
    """Options of an encoder with which it does so, at one number of threads.

    Where libx264 uses AVX-512, its macroblock tree makes another file of the same frames now and then, by
    what lay in memory before. With AVX2 it does not, and makes what processors without AVX-512 make.
    """
    return {"x264-params": "asm=AVX2"} if "avx512f" in processor_abilities().split() else {}
