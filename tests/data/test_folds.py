"""UCF-101 and HMDB-51: three folds each."""

import pytest
from tests.data.checks import LISTS, SMALL, assert_lists
from tests.data.published import make_hmdb51, make_ucf101

from dyninf.data import HMDB51, UCF101


@pytest.mark.parametrize(
    ("lists", "videos"), [("ucfTrainTestlist", "UCF-101"), (".", "."), ("annotations", "videos")]
)
def test_ucf101_reads_its_three_folds(lists, videos, tmp_path):
    folds = make_ucf101(tmp_path, lists=lists, videos=videos)
    for fold, made in enumerate(folds, start=1):
        assert_lists(UCF101(tmp_path, fold=fold, **SMALL), made)
    assert len({tuple(made.test) for made in folds}) == 3


@pytest.mark.parametrize(
    ("lists", "videos"), [("testTrainMulti_7030_splits", "hmdb51_org"), (".", "."), ("splits", "videos")]
)
def test_hmdb51_reads_its_three_folds(lists, videos, tmp_path):
    folds = make_hmdb51(tmp_path, lists=lists, videos=videos)
    for fold, made in enumerate(folds, start=1):
        assert_lists(HMDB51(tmp_path, fold=fold, **SMALL), made)
    assert len({tuple(made.test) for made in folds}) == 3


def test_clips_of_one_film_are_held_out_together(tmp_path):
    ucf101, hmdb51 = UCF101(tmp_path), HMDB51(tmp_path)
    assert ucf101.source_of("YoYo/v_YoYo_g08_c01") == ucf101.source_of("YoYo/v_YoYo_g08_c02")
    assert ucf101.source_of("YoYo/v_YoYo_g08_c01") != ucf101.source_of("YoYo/v_YoYo_g09_c01")
    first = hmdb51.source_of("golf/2008-04-25_-_Golf_Swing_golf_f_cm_np1_ri_bad_0")
    assert first == hmdb51.source_of("golf/2008-04-25_-_Golf_Swing_golf_h_nm_np2_le_goo_13")
    assert first == hmdb51.source_of("sit_up/2008-04-25_-_Golf_Swing_sit_up_f_cm_np1_ri_bad_0")
    assert first != hmdb51.source_of("golf/2008-04-26_-_Golf_Swing_golf_f_cm_np1_ri_bad_0")


@pytest.mark.parametrize("module", [UCF101, HMDB51])
@pytest.mark.parametrize("fold", [0, 4, "1"])
def test_there_are_three_folds(module, fold, tmp_path):
    with pytest.raises(ValueError, match=f"fold must be 1, 2 or 3; got {fold}"):
        module(tmp_path, fold=fold)


@pytest.mark.parametrize("module", [UCF101, HMDB51])
def test_a_fold_is_refused_where_lists_are_read_instead(module, tmp_path):
    with pytest.raises(ValueError, match=r"^fold=2 names published lists, but train_list=.* instead"):
        module(tmp_path, fold=2, **LISTS)
    assert module(tmp_path, fold=1, **LISTS).fold == 1
