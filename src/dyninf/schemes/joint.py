"""Stopping at a depth or between groups, along any staircase (Wu et al. 2020, scheme c)."""

from dyninf.schemes.base import SchemeModule


class JointModule(SchemeModule):
    """Any groups, any checkpoints; the other schemes are special cases."""
