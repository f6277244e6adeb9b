"""What a run says about its network."""

from tests.networks import random_network

from dyninf.schemes.callbacks import SAVED_KEY, SaveConfig, cost_table


def test_the_cost_table_has_one_row_a_checkpoint_and_ends_with_full_inference() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16, groups=2)
    table = cost_table(network, 32, 32)
    assert table.row_count == len(network.checkpoints) == 6
    cells = {column.header: list(column.cells) for column in table.columns}
    assert cells["checkpoint"] == [checkpoint.name for checkpoint in network.checkpoints]
    assert cells["cell (group, stage)"] == ["(1, 2)", "(1, 3)", "(1, 4)", "(2, 2)", "(2, 3)", "(2, 4)"]
    assert cells["frames"] == ["4", "4", "4", "8", "8", "8"]
    assert [float(text) for text in cells["GMACs"]] == [
        float(f"{gmacs:.4g}") for gmacs in network.costs(32, 32).gmacs_K
    ]
    assert cells["of full"][-1] == "100.0%"


def test_what_is_saved_goes_into_every_checkpoint() -> None:
    content: dict = {}
    SaveConfig({"classes": ["a", "b"]}).on_save_checkpoint(None, None, content)
    assert content == {SAVED_KEY: {"classes": ["a", "b"]}}
