"""The grid of a summary says what a network costs, cell by cell."""

import pytest
from tests.networks import SIZE, random_network

from dyninf.report.grid_figures import grid_figures


@pytest.mark.parametrize("scheme", ["depth", "input", "joint", "plain"])
@pytest.mark.parametrize("backbone", ["resnet_small", "msdnet_small"])
@pytest.mark.parametrize(("views", "gates"), [(1, 0), (3, 8)])
def test_cells_and_heads_on_the_way_are_the_cost_of_each_checkpoint(
    backbone: str, scheme: str, views: int, gates: int
) -> None:
    network = random_network(backbone, scheme, 4, gates=0 if scheme == "plain" else gates)
    grid = grid_figures(network, SIZE, SIZE, views)
    assert grid["groups"] == [list(group) for group in network.permutation]
    assert [(cell["group"], cell["stage"]) for cell in grid["cells"]] == list(network.route.cells)
    heads = {(place["group"], place["stage"]): place for place in grid["checkpoints"]}
    spent, found = 0.0, []
    for cell in grid["cells"]:
        spent += cell["gmacs"]
        place = heads.get((cell["group"], cell["stage"]))
        if place is not None:
            spent += place["gmacs"]
            found.append(spent)
    assert found == pytest.approx((network.costs(SIZE, SIZE).macs_K * views / 1e9).tolist())
