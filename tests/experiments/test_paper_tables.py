"""What the repository says of the paper's tables is what its networks have."""

import csv

import pytest
from experiments.paper_tables.published import HERE, classes, published
from experiments.paper_tables.run import MARK, experiment_network, parameters, results, tables

from dyninf.configuration import CONF


def test_the_committed_results_are_those_of_a_fresh_run() -> None:
    rows = results()
    with open(HERE / "results.csv", newline="") as file:
        assert list(csv.DictReader(file)) == rows
    assert (HERE / "README.md").read_text().partition(MARK)[2] == tables(rows)


def test_every_proposed_row_has_its_experiment_and_its_data_set_a_number_of_classes() -> None:
    rows = published()
    assert [row.full for row in rows].count(True) == 1
    assert len({(row.experiment, row.full) for row in rows}) == len(rows) == 14
    for row in rows:
        assert (CONF / "experiment" / f"{row.experiment}.yaml").is_file()
        assert row.dataset in classes()


@pytest.mark.parametrize(
    ("experiment", "num_classes"),
    # The paper seems to print the parameters of MSDNet-38 with the classes of ImageNet.
    [("kinetics400_msdnet38", 1000), ("kinetics400_resnet50", 400), ("kinetics400_resnet101", 400)],
)
def test_parameters_are_those_that_the_paper_prints(experiment: str, num_classes: int) -> None:
    printed = {row.params_m for row in published() if row.experiment == experiment}
    assert {round(parameters(experiment_network(experiment, num_classes)) / 1e6, 2)} == printed
