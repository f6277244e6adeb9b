"""Motions are read as they are written, and move a body whose bones keep their lengths."""

import importlib
import re
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dyninf.data import Mocap
from dyninf.data.mocap_motions import MOTIONS, load, motion_of
from dyninf.data.mocap_skeleton import CAPSULES, JOINTS, Body
from dyninf.data.quaternions import about

REST = np.zeros(44)
REST[[4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1  # w of the joints that have a quaternion
FORWARDS = np.array([1.0, 0.0, 0.0])
SIDES = ("right", "left")
LEG, FOOT, ARM = ("knee", "ankle", "heel", "toe"), ("heel", "toe"), ("elbow", "wrist")


def frames(*changes: dict[int, float], seconds: float = 0.5) -> np.ndarray:
    """Frames of the pose at rest, each with some of its 44 numbers changed; the last one has no duration."""
    frames_FN = np.tile(REST, (len(changes), 1))
    frames_FN[:-1, 0] = seconds
    for frame_N, change in zip(frames_FN, changes, strict=True):
        frame_N[list(change)] = list(change.values())
    return frames_FN


def points(change: dict[int, float], **body: float) -> dict[str, np.ndarray]:
    motion = motion_of(frames(change, change), loops=False)
    return {name: point_T3[0] for name, point_T3 in Body(**body).points(*motion.at(np.array([0.0]))).items()}


def test_at_rest_it_stands_upright_facing_forwards_with_its_arms_down():
    at = points({})
    assert np.allclose(at["root"], 0)
    assert np.allclose(at["head"], [0, 0.236151 + 0.223894 + 0.175, 0])
    assert np.allclose(at["right_ankle"], [0, -0.421546 - 0.40987, 0.084887])
    assert np.allclose(at["left_ankle"], at["right_ankle"] * [1, 1, -1])
    assert np.allclose(at["right_wrist"], [-0.02405, 0.236151 + 0.2435 - 0.274788 - 0.258947, 0.18311])
    assert at["left_toe"][0] > at["left_heel"][0]


@pytest.mark.parametrize(
    "number, angle, joint, end, direction",
    [
        (20, -np.pi / 2, "right_knee", "right_ankle", -FORWARDS),
        (34, -np.pi / 2, "left_knee", "left_ankle", -FORWARDS),
        (29, np.pi / 2, "right_elbow", "right_wrist", FORWARDS),
        (43, np.pi / 2, "left_elbow", "left_wrist", FORWARDS),
    ],
)
def test_a_knee_bends_backwards_and_an_elbow_forwards(number, angle, joint, end, direction):
    at = points({number: angle})
    bone_3 = at[end] - at[joint]
    assert np.allclose(bone_3 / np.linalg.norm(bone_3), direction)
    assert np.allclose(at[joint], points({})[joint])


@pytest.mark.parametrize(
    "number, joint, hanging",
    [
        (4, "root", tuple(sorted(points({}).keys() - {"root"}))),
        (8, "chest", ("neck", "head", *(f"{s}_{end}" for s in SIDES for end in ("shoulder", *ARM)))),
        (12, "neck", ("head",)),
        *(
            (number, f"{side}_{joint}", tuple(f"{side}_{end}" for end in ends))
            for number, side, joint, ends in (
                (16, "right", "hip", LEG),
                (21, "right", "ankle", FOOT),
                (25, "right", "shoulder", ARM),
                (30, "left", "hip", LEG),
                (35, "left", "ankle", FOOT),
                (39, "left", "shoulder", ARM),
            )
        ),
    ],
)
def test_each_quaternion_turns_its_joint_and_what_hangs_on_it(number, joint, hanging):
    axis = (1 / np.sqrt(3),) * 3
    turn = dict(zip(range(number, number + 4), about(axis, 2 * np.pi / 3), strict=True))
    at, rest = points(turn), points({})
    assert {name for name in at if not np.allclose(at[name], rest[name])} == set(hanging)
    child = at[hanging[0]] - at[joint]
    assert np.allclose(child, np.roll(rest[hanging[0]] - rest[joint], 1))  # x to y, y to z, z to x


def test_a_body_scales_its_limbs_and_its_way():
    change = {1: 2.0, 2: 0.8}
    at, tall = points(change), points(change, leg=1.5, arm=1.2, trunk=0.5)
    for start, end, factor in (
        ("right_hip", "right_knee", 1.5),
        ("left_elbow", "left_wrist", 1.2),
        ("root", "chest", 0.5),
    ):
        assert np.allclose(tall[end] - tall[start], factor * (at[end] - at[start]))
    assert np.allclose(tall["root"], [3.0, 1.2, 0.0])


def test_the_lowest_moment_touches_the_ground():
    motion = motion_of(frames({2: 5.0}, {2: 4.0}, {2: 7.0}), loops=False)
    start_TP3, end_TP3, radius_P = Body(girth=1.3).capsules(*motion.at(np.linspace(0, 1, 11)))
    lowest_T = (np.minimum(start_TP3[..., 1], end_TP3[..., 1]) - radius_P).min(axis=1)
    assert np.allclose([lowest_T.min(), lowest_T[5], lowest_T[-1]], [0, 0, 3])


def test_a_motion_that_ends_holds_its_first_and_last_pose():
    motion = motion_of(frames({1: 1.0}, {1: 3.0}), loops=False)
    root_T3, rotation_TJ4 = motion.at(np.array([-1.0, 0.0, 0.25, 0.5, 9.0]))
    assert motion.seconds == 0.5
    assert np.allclose(root_T3[:, 0], [1, 1, 2, 3, 3])
    assert rotation_TJ4.shape == (5, len(JOINTS), 4)


def test_a_motion_that_loops_goes_on_from_where_it_is():
    motion = motion_of(frames({1: 1.0, 20: -0.2}, {1: 2.0, 20: -0.8}, {1: 3.0, 20: -0.2}), loops=True)
    assert motion.seconds == 1.5  # the last frame is not of the same moment as the next cycle's first
    root_T3, rotation_TJ4 = motion.at(np.arange(0, 4.5, 0.5))
    assert np.allclose(root_T3[:, 0], np.arange(1, 10))
    assert np.allclose(rotation_TJ4[:3], rotation_TJ4[3:6])
    assert np.allclose(rotation_TJ4[:3], rotation_TJ4[6:])


def test_bones_keep_their_lengths_in_every_motion(motions):
    body = Body(leg=1.1, arm=0.9, trunk=1.05)
    lengths = []
    for motion in motions.values():
        points = body.points(*motion.at(np.linspace(0, motion.seconds, 50)))
        lengths += [
            np.linalg.norm(points[capsule.end] - points[capsule.start], axis=-1) for capsule in CAPSULES
        ]
    by_motion = np.reshape(lengths, (len(motions), len(CAPSULES), 50))
    assert np.allclose(by_motion, by_motion[:1, :, :1], atol=1e-9)


def test_every_motion_stays_between_the_ground_and_a_leap(motions):
    assert tuple(motions) == MOTIONS
    for name, motion in motions.items():
        head_T = Body().points(*motion.at(np.linspace(0, motion.seconds, 50)))["head"][:, 1]
        assert 0 <= head_T.min() < head_T.max() < 2.2, name
        assert all(earlier < later for earlier, later in pairwise(motion.time_F)), name


def test_a_body_gets_up_and_walks_forwards(motions):
    for name in ("getup_faceup", "getup_facedown"):
        head_T3 = Body().points(*motions[name].at(np.array([0.0, 9.0])))["head"]
        assert head_T3[1, 1] - head_T3[0, 1] > 1
    start_3, end_3 = motions["walk"].at(np.array([0.0, 10.0]))[0]
    assert 7 < end_3[0] - start_3[0] < 13
    assert abs(end_3[2] - start_3[2]) < 0.5


def import_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let packages be looked for in a folder, and nowhere that has pybullet."""
    path = [entry for entry in sys.path if not (Path(entry) / "pybullet_data").exists()]
    monkeypatch.setattr(sys, "path", [str(folder), *path])
    importlib.invalidate_caches()
    load.cache_clear()


def test_without_the_extra_making_the_clips_ends_with_one_line(tmp_path, monkeypatch):
    import_from(tmp_path, monkeypatch)
    with pytest.raises(ValueError) as caught:
        Mocap(tmp_path / "clips").prepare_data()
    assert str(caught.value) == (
        "the data set mocap is drawn from motions in the package pybullet, which is not installed: "
        "pip install 'dyninf[mocap]' (Python 3.11; pybullet has no wheels for later ones)"
    )
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize("files, remedy", [((), "--force-reinstall pybullet"), (MOTIONS, "pybullet")])
def test_other_motions_than_those_of_the_benchmark_are_refused(files, remedy, tmp_path, monkeypatch):
    folder = tmp_path / "pybullet_data" / "data" / "motions"
    folder.mkdir(parents=True)
    (tmp_path / "pybullet_data" / "__init__.py").touch()
    for name in files:
        (folder / f"humanoid3d_{name}.txt").write_text('{"Loop": "none", "Frames": [[0.0]]}')
    import_from(tmp_path, monkeypatch)
    with pytest.raises(ValueError, match=rf"{re.escape(str(folder))}.* pip install {remedy}==3\.2\.7$"):
        load()
