"""Routes: every cell comes after what it needs; anything else names the cell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyninf.grid import Cell, Route
from dyninf.grid.route import depth_axis, input_axis, joint


def test_the_schemes_are_routes_on_one_grid() -> None:
    assert depth_axis(3) == ((1, 1), (1, 2), (1, 3))
    assert input_axis(2, 2) == ((1, 1), (1, 2), (2, 1), (2, 2))
    assert joint([[1, 0], [1, 1], [2, 2]]) == ((1, 1), (2, 1), (1, 2), (2, 2))
    assert joint([[2, 0], [2, 2], [4, 4]]) == (
        *((1, 1), (1, 2), (2, 1), (2, 2)),
        *((1, 3), (1, 4), (2, 3), (2, 4)),
    )


def test_plain_pairs_become_cells() -> None:
    route = Route([[1, 1], [1, 2]], groups=1, stages=2)
    assert route.cells == (Cell(1, 1), Cell(1, 2))
    assert route.cells[1].stage == 2


def test_a_route_knows_which_groups_visit_a_stage_and_when() -> None:
    route = Route(((2, 1), (1, 1), (1, 2)), groups=2, stages=2)
    assert route.groups_at(1) == (2, 1)
    assert route.groups_at(2) == (1,)
    assert Route(((1, 1),), groups=1, stages=2).groups_at(2) == ()


@pytest.mark.parametrize(
    "cells, keeps, message",
    [
        ([(1, 2)], False, r"step 1, cell \(1, 2\): comes before cell \(1, 1\)"),
        ([(1, 1), (2, 2)], False, r"step 2, cell \(2, 2\): comes before cell \(2, 1\)"),
        ([(1, 1), (1, 3)], False, r"step 2, cell \(1, 3\): comes before cell \(1, 2\)"),
        ([(2, 1)], True, r"step 1, cell \(2, 1\): comes before cell \(1, 1\).*temporal shift"),
        (
            [(1, 1), (2, 1), (2, 2)],
            True,
            r"step 3, cell \(2, 2\): comes before cell \(1, 2\).*temporal shift",
        ),
        ([(1, 1), (1, 1)], False, r"step 2, cell \(1, 1\): visited before"),
        ([(3, 1)], False, r"step 1, cell \(3, 1\): outside the grid of 2 groups x 3 stages"),
        ([(0, 1)], False, r"cell \(0, 1\): outside the grid"),
        ([(1, 0)], False, r"cell \(1, 0\): outside the grid"),
        ([(1, 1), (1, 2), (1, 3), (1, 4)], False, r"step 4, cell \(1, 4\): outside the grid"),
        ([(1, 1), (-1, 1)], False, r"cell \(-1, 1\): outside the grid"),
        ([], False, "at least one cell"),
        ([(1, 1, 1)], False, r"pair \[group, stage\].*\[1, 1, 1\]"),
        ([(1, 1.0)], False, r"pair \[group, stage\] of whole numbers"),
        ([("1", "1")], False, r"pair \[group, stage\] of whole numbers"),
    ],
)
def test_a_route_that_breaks_its_order_names_the_cell(cells: list, keeps: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Route(tuple(cells), groups=2, stages=3, keeps=keeps)


@given(st.permutations([(g, d) for g in (1, 2, 3) for d in (1, 2, 3)]), st.booleans())
def test_a_route_is_valid_exactly_if_every_cell_comes_after_what_it_needs(cells: list, keeps: bool) -> None:
    step = {cell: i for i, cell in enumerate(cells)}
    right = all(
        (d == 1 or step[g, d - 1] < step[g, d]) and (not keeps or g == 1 or step[g - 1, d] < step[g, d])
        for g, d in cells
    )
    if right:
        assert Route(tuple(cells), 3, 3, keeps).cells == tuple(cells)
    else:
        with pytest.raises(ValueError, match="comes before cell"):
            Route(tuple(cells), 3, 3, keeps)


@pytest.mark.parametrize("depths", [[[1, 1], [0, 2]], [[1, 0], [1]], [[-1, 0]], [[2, 0], [2, 1, 0]]])
def test_a_staircase_whose_depths_shrink_or_change_in_number_is_refused(depths: list) -> None:
    with pytest.raises(ValueError, match=r"staircase row .* does not continue .*depths may only grow"):
        joint(depths)


def test_an_empty_staircase_is_refused() -> None:
    with pytest.raises(ValueError, match="staircase"):
        joint([])


def test_a_staircase_may_pause() -> None:
    assert joint([[1, 0], [1, 0], [1, 1]]) == ((1, 1), (2, 1))
