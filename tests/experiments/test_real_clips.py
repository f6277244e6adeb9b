"""The study of others' films, on a clip made here: nothing is fetched."""

import json
from collections import Counter
from pathlib import Path

from experiments.real_clips.run import CLIPS, HERE, compared
from tests.data.numbered_clips import CLIPS as NUMBERED


def test_a_file_is_compared_with_decoding_all_of_it(tmp_path: Path) -> None:
    found = compared(NUMBERED["h264, gop 12, 3 b, open"].write(tmp_path))
    assert found == {
        "codec": "h264",
        "size": "64x48",
        "frames": 40,
        "frames_decoded_in_full": 40,
        "spread_frames_equal": "16 of 16",
    }


def test_every_class_has_films_to_train_on_to_hold_out_and_to_test_on() -> None:
    number = Counter(CLIPS.values())
    for name in {place.split("/")[1] for place in CLIPS.values()}:
        assert number[f"train/{name}"] >= 2
        assert number[f"test/{name}"] >= 1


def test_the_results_are_of_these_films() -> None:
    assert json.loads((HERE / "results.json").read_text())["files"].keys() == CLIPS.keys()
