"""Laws of holding out training videos."""

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dyninf.data import Video
from dyninf.data.calibration import hold_out

shares = st.floats(0.01, 0.99)
seeds = st.integers(0, 1000)


@st.composite
def videos(draw: st.DrawFn) -> list[Video]:
    """Up to five classes of 1 to 30 videos, mixed."""
    counts = draw(st.lists(st.integers(1, 30), min_size=1, max_size=5))
    listed = [
        Video(Path(f"{label}/{index}.avi"), label, f"{label}/{index}")
        for label, count in enumerate(counts)
        for index in range(count)
    ]
    return draw(st.permutations(listed))


@given(videos(), shares, seeds)
def test_every_video_is_on_one_side_in_the_order_given(listed, share, seed):
    train, held = hold_out(listed, share, seed)
    assert not set(train) & set(held)
    assert sorted(train + held) == sorted(listed)
    for side in (train, held):
        assert side == [video for video in listed if video in set(side)]


@given(videos(), shares, seeds)
def test_each_class_gives_its_share_and_keeps_at_least_one(listed, share, seed):
    train, held = hold_out(listed, share, seed)
    in_all, in_held = (Counter(video.label for video in side) for side in (listed, held))
    for label, count in in_all.items():
        assert in_held[label] == (0 if count == 1 else min(max(round(share * count), 1), count - 1))
    assert {video.label for video in train} == set(in_all)


@given(videos(), shares, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(listed, share, seed, chance):
    shuffled = chance.sample(listed, len(listed))
    assert set(hold_out(listed, share, seed)[1]) == set(hold_out(shuffled, share, seed)[1])


@given(videos(), shares, seeds)
def test_a_class_does_not_depend_on_the_others(listed, share, seed):
    alone = [video for video in listed if video.label == 0]
    held = hold_out(listed, share, seed)[1]
    assert hold_out(alone, share, seed)[1] == [video for video in held if video.label == 0]


@given(videos(), shares, seeds, st.integers(1, 9))
def test_videos_of_one_source_are_never_parted(listed, share, seed, size):
    def source_of(video_id: str) -> str:
        label, index = video_id.split("/")
        return f"{label}/{int(index) // size}"

    train, held = hold_out(listed, share, seed, source_of)
    sides = [{source_of(video.video_id) for video in side} for side in (train, held)]
    assert not sides[0] & sides[1]
    for label in {video.label for video in listed}:
        of_class = [video for video in listed if video.label == label]
        sources = Counter(source_of(video.video_id) for video in of_class)
        number = sum(video.label == label for video in held)
        wanted = max(round(share * len(of_class)), 1)
        assert number <= max(wanted, min(sources.values()))
        assert (number > 0) == (len(sources) > 1)


@given(videos(), shares, seeds, st.integers(1, 40), st.randoms(use_true_random=False))
def test_a_source_with_videos_of_several_classes_is_never_parted(listed, share, seed, films, chance):
    film = {video.video_id: str(chance.randrange(films)) for video in listed}
    train, held = hold_out(listed, share, seed, film.__getitem__)
    assert not {film[video.video_id] for video in train} & {film[video.video_id] for video in held}
    assert {video.label for video in train} == {video.label for video in listed}
    again = hold_out(chance.sample(listed, len(listed)), share, seed, film.__getitem__)
    assert set(again[1]) == set(held)
    # A class without a held video has no film that could go without taking some class's last video.
    left = Counter(video.label for video in train)
    for label in left.keys() - {video.label for video in held}:
        for name in {film[video.video_id] for video in train if video.label == label}:
            gone = Counter(video.label for video in train if film[video.video_id] == name)
            assert any(left[other] == count for other, count in gone.items())


def test_films_of_small_clips_give_each_class_about_its_share():
    # Of 40 films each has one clip of each of 3 of 10 classes: 12 clips a class.
    listed, film = [], {}
    for number in range(40):
        for label in {(number + step) % 10 for step in (0, 3, 7)}:
            listed.append(Video(Path(f"{label}/{number}"), label, f"{label}/{number}"))
            film[f"{label}/{number}"] = str(number)
    for seed in range(20):
        held = Counter(video.label for video in hold_out(listed, 0.25, seed, film.__getitem__)[1])
        assert held.keys() == set(range(10))
        assert max(held.values()) <= 4
        assert sum(held.values()) >= 20  # 30 is the share


def test_other_seeds_hold_out_other_videos():
    listed = [Video(Path(str(index)), 0, str(index)) for index in range(100)]
    assert len({tuple(hold_out(listed, 0.1, seed)[1]) for seed in range(10)}) == 10
