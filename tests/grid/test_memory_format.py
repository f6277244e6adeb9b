"""Colours and channels are innermost in memory all the way: it is faster, and the same function.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import copy

import torch
from tests.networks import Setting, relative_difference
from torch import Tensor, nn

import dyninf.grid.network
from dyninf.grid.state import map_features


def as_decoded(video_BTCHW: Tensor) -> Tensor:
    """The same values in the order in which a loader gives them: pixel by pixel."""
    return video_BTCHW.movedim(2, -1).contiguous().movedim(-1, 2)


def test_the_order_of_the_values_in_memory_does_not_count(setting: Setting) -> None:
    with torch.inference_mode():
        logits_BKN = setting.network(as_decoded(setting.video_BTCHW))
    assert torch.equal(logits_BKN, setting.logits_BKN)


def test_channels_last_is_the_function_of_channels_first(setting: Setting, monkeypatch) -> None:
    network = copy.deepcopy(setting.network).to(memory_format=torch.contiguous_format)
    monkeypatch.setattr(
        dyninf.grid.network,
        "_images",
        lambda features, dims: map_features(lambda x: x.flatten(0, dims - 1), features),
    )
    with torch.inference_mode():
        assert relative_difference(network(setting.video_BTCHW), setting.logits_BKN) < 1e-4


def test_every_convolution_reads_and_gives_channels_last(setting: Setting) -> None:
    turned: list[str] = []

    def look(name: str) -> object:
        def see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            for what, x in (("reads", inputs[0]), ("gives", output)):
                if not x.is_contiguous(memory_format=torch.channels_last):
                    turned.append(f"{name} {what} {tuple(x.shape)} with strides {x.stride()}")

        return see

    handles = [
        module.register_forward_hook(look(name))
        for name, module in setting.network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.inference_mode():
            setting.network(as_decoded(setting.video_BTCHW))
            for _ in setting.network.walk(as_decoded(setting.video_BTCHW)):
                pass
    finally:
        for handle in handles:
            handle.remove()
    assert not turned
