"""A scheme fitted to a backbone and a number of frames."""

import pytest

from dyninf.grid import Cell, Scheme

STAGES = ("res2", "res3", "res4", "res5")
HEADS = (2, 3, 4)


def places(scheme: Scheme, num_frames: int = 8) -> list[tuple[int, int]]:
    return [tuple(c.cell) for c in scheme.lay_out(STAGES, HEADS, num_frames).checkpoints]


def test_checkpoints_can_be_all_last_final_or_a_list() -> None:
    all_ = [(g, d) for g in (1, 2) for d in HEADS]
    assert places(Scheme("s", groups=2)) == all_
    assert places(Scheme("s", groups=2, checkpoints="last")) == [(1, 4), (2, 4)]
    assert places(Scheme("s", groups=2, checkpoints="final")) == [(2, 4)]
    assert places(Scheme("s", groups=2, checkpoints=[[1, 2], [2, 3]])) == [(1, 2), (2, 3)]


def test_listed_checkpoints_come_in_the_order_of_the_route() -> None:
    assert places(Scheme("s", groups=2, checkpoints=[[2, 3], [1, 4], [1, 2]])) == [(1, 2), (1, 4), (2, 3)]


def test_a_negative_stage_counts_from_the_last() -> None:
    assert places(Scheme("s", groups=2, checkpoints=[[1, -1], [2, -3]])) == [(1, 4), (2, 2)]


def test_a_checkpoint_that_is_listed_twice_is_one_checkpoint() -> None:
    assert places(Scheme("s", checkpoints=[[1, 4], [1, -1], [1, 2]])) == [(1, 2), (1, 4)]


def test_cells_behind_the_last_checkpoint_are_not_on_the_route() -> None:
    layout = Scheme("s", groups=4, checkpoints=[[1, 4], [2, 3]]).lay_out(STAGES, HEADS, 8)
    assert layout.route.cells[-1] == Cell(2, 3)
    assert len(layout.route.cells) == 7


def test_a_checkpoint_knows_its_frames_and_its_name() -> None:
    layout = Scheme("s", groups=4, checkpoints=[[1, 2], [3, -1]]).lay_out(STAGES, HEADS, 16)
    assert [(c.stage, c.frames, c.name) for c in layout.checkpoints] == [
        ("res3", 4, "4f-res3"),
        ("res5", 12, "12f-res5"),
    ]


def test_one_group_has_all_frames_in_time_order() -> None:
    for order in ("permuted", "plain", "bisection"):
        assert Scheme("s", groups=1, order=order).lay_out(STAGES, HEADS, 5).permutation == ((0, 1, 2, 3, 4),)


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"checkpoints": [[1, 1]]},
            r"checkpoint at cell \(1, 1\): no head there; stages with a head: \[2, 3, 4\]",
        ),
        ({"checkpoints": [[3, 4]]}, r"checkpoint at cell \(3, 4\): the route does not visit it"),
        ({"checkpoints": [[1, 5]]}, r"checkpoint at cell \(1, 5\): the route does not visit it"),
        ({"checkpoints": [[1, 0]]}, r"checkpoint at cell \(1, 0\): the route does not visit it"),
        ({"checkpoints": [[1, -5]]}, r"checkpoint at cell \(1, 0\): the route does not visit it"),
        ({"checkpoints": [[2, 3]], "staircase": [[4, 2]]}, r"cell \(2, 3\): the route does not visit it"),
        ({"checkpoints": []}, "no checkpoint"),
        ({"checkpoints": "last", "staircase": [[3, 3]]}, "no checkpoint"),
        ({"checkpoints": "every"}, "checkpoints='every' is unknown; choose all, last, final or a list"),
        ({"checkpoints": [[1, 2, 3]]}, r"write a pair \[group, stage\]"),
        ({"checkpoints": [[1, 2.0]]}, r"write a pair \[group, stage\]"),
        ({"checkpoints": [3]}, r"write a pair \[group, stage\]"),
        ({"staircase": [[5, 0]]}, r"cell \(1, 5\): outside the grid of 2 groups x 4 stages"),
        ({"staircase": [[4, 4, 4]]}, r"cell \(3, 1\): outside the grid of 2 groups x 4 stages"),
        ({"staircase": [[1, 2], [4, 4]], "shift": "online"}, r"cell \(2, 2\): comes before cell \(1, 2\)"),
        ({"staircase": [[0, 1], [4, 4]], "shift": "online"}, r"cell \(2, 1\): comes before cell \(1, 1\)"),
        ({"order": "random"}, "'random' is unknown"),
        ({"groups": 3}, r"8 frames .* 3 groups .*\[1, 2, 4, 8\]"),
        ({"groups": 0}, "at least one"),
        ({"staircase": []}, "staircase"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scheme(**{"name": "s", "groups": 2, **settings}).lay_out(STAGES, HEADS, 8)


def test_an_offline_shift_needs_all_frames_in_one_group() -> None:
    with pytest.raises(ValueError, match=r"offline shift reads later frames.*two_way, or groups=1"):
        Scheme("s", groups=2, shift="offline")


def test_an_unknown_shift_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'both' is unknown; choose one of none, offline, online"):
        Scheme("s", shift="both")


def test_a_cell_that_changes_no_answer_is_not_on_the_route() -> None:
    scheme = Scheme("early", groups=2, checkpoints=[[1, 2], [2, 2]])
    layout = scheme.lay_out(("a", "b", "c"), (2, 3), num_frames=4)
    assert layout.route.cells == ((1, 1), (1, 2), (2, 1), (2, 2))
    online = Scheme("deep", groups=2, shift="online", checkpoints=[[2, 3]])
    assert len(online.lay_out(("a", "b", "c"), (2, 3), num_frames=4).route.cells) == 6
