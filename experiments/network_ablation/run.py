"""Train every variant with every seed, and tabulate what their traces say.

python -m experiments.network_ablation.run            # trains what is missing, then writes the tables
python -m experiments.network_ablation.run --jobs 1   # one training at a time
"""

import argparse
from pathlib import Path

from experiments.training import Study

HERE = Path(__file__).resolve().parent

RESNET = ["backbone=resnet_small"]
MSDNET = ["backbone=msdnet_small"]
VARIANTS = {
    "resnet_depth": [*RESNET, "scheme=depth"],
    "resnet_input": [*RESNET, "scheme=input"],
    "resnet_joint": [*RESNET, "scheme=joint"],
    "msdnet_depth": [*MSDNET, "scheme=depth"],
    "msdnet_input": [*MSDNET, "scheme=input"],
    "msdnet_joint": [*MSDNET, "scheme=joint"],
    "msdnet_joint_bottleneck": [*MSDNET, "backbone.shift_place=bottleneck"],
    "resnet_joint_nearest": [*RESNET, "scheme.shift=nearest"],
    "msdnet_joint_nearest": [*MSDNET, "scheme.shift=nearest"],
    "resnet_joint_two_way": [*RESNET, "scheme.shift=two_way"],
    "msdnet_joint_two_way": [*MSDNET, "scheme.shift=two_way"],
    "resnet_joint_distilled": [*RESNET, "distillation=last"],
    "msdnet_joint_distilled": [*MSDNET, "distillation=last"],
    # Features that are added up need one width; the networks beside them have that width too.
    "resnet_joint_cells": [*RESNET, "scheme.average=cells", "backbone.head_width=192"],
    "msdnet_joint_cells": [*MSDNET, "scheme.average=cells", "backbone.head_width=128"],
    "resnet_joint_wide": [*RESNET, "backbone.head_width=192"],
    "msdnet_joint_wide": [*MSDNET, "backbone.head_width=128"],
    "msdnet_depth_bottleneck": [*MSDNET, "scheme=depth", "backbone.shift_place=bottleneck"],
}


def main() -> None:
    """Train, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--runs", type=Path, default=Path("outputs/network_ablation"), help="folder of the runs"
    )
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    arguments = parser.parse_args()
    study = Study("network_ablation", VARIANTS, arguments.runs)
    study.train(arguments.jobs)


if __name__ == "__main__":
    main()
