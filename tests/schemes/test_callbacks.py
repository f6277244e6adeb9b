"""What the checkpoints of a run carry."""

from dyninf.backbones.pretrained_file import SAVED_KEY
from dyninf.schemes.callbacks import SaveConfig


def test_what_is_saved_goes_into_every_checkpoint() -> None:
    content: dict = {}
    SaveConfig({"classes": ["a", "b"]}).on_save_checkpoint(None, None, content)
    assert content == {SAVED_KEY: {"classes": ["a", "b"]}}
