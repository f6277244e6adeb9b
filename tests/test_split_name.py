"""Names of splits by their parts."""

import pytest

from dyninf.split_name import SplitName, are_same_videos


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("synthetic/test@0123456789ab", ("synthetic", "test", "", "0123456789ab")),
        ("synthetic/test+contrast-5@01", ("synthetic", "test", "contrast-5", "01")),
        ("lab+more/films/test", ("lab+more/films", "test", "", "")),
        ("test", ("", "test", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_a_name_has_the_parts_that_it_is_made_of(text: str, parts: tuple[str, ...]) -> None:
    assert SplitName.of(text) == parts
    assert str(SplitName.of(text)) == text


def test_videos_are_the_same_however_they_are_read() -> None:
    assert are_same_videos("ucf101/test@01", "ucf101/test+contrast-5@02")
    assert not are_same_videos("ucf101/test@01", "ucf101/calibration@01")
    assert not are_same_videos("ucf101/test@01", "hmdb51/test@01")
    assert not are_same_videos("", "")
