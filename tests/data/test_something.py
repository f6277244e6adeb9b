"""Something-Something: folders of images in version 1, WebM files in version 2."""

import pytest
from tests.data.checks import SMALL, assert_lists, the_error
from tests.data.published import make_something_v1, make_something_v2

from dyninf.data import SomethingV1, SomethingV2


def test_something_v1_reads_folders_of_images_and_keeps_the_order_of_the_classes(tmp_path):
    assert_lists(SomethingV1(tmp_path, **SMALL), make_something_v1(tmp_path))


@pytest.mark.parametrize(
    "json_files",
    [
        ("labels.json", "train.json", "validation.json"),
        ("labels/labels.json", "labels/train.json", "labels/validation.json"),
        tuple(f"something-something-v2-{name}.json" for name in ("labels", "train", "validation")),
    ],
)
def test_something_v2_reads_its_json_files(json_files, tmp_path):
    assert_lists(SomethingV2(tmp_path, **SMALL), make_something_v2(tmp_path, json_files=json_files))


def test_something_v2_orders_its_classes_by_their_numbers(tmp_path):
    templates = [f"Class {number} of [something]" for number in range(12)]
    made = make_something_v2(tmp_path, templates, per_class=2, test_per_class=1, frames=4)
    assert SomethingV2(tmp_path).class_names == made.classes


@pytest.mark.parametrize("module", [SomethingV1, SomethingV2])
def test_no_flip_where_direction_decides_the_class(module, tmp_path):
    with pytest.raises(ValueError, match=f"flip must be false for {module.name}"):
        module(tmp_path, flip=True)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("train.json", '[{"id": "1"}]', 'entry 1: expected an object with "id" and "template"'),
        (
            "train.json",
            '[{"id": "1", "template": "Eating [something]"}]',
            "entry 1: no class 'Eating something'",
        ),
        ("train.json", '[\n{"id": ]', "line 2: is not JSON"),
        ("train.json", "{}", "has to be a JSON list"),
        ("labels.json", "[]", "has to be a JSON object"),
        (
            "labels.json",
            '{"a": "0", "b": "2"}',
            "class 'b': classes are numbered from 0 on; expected 1, got '2'",
        ),
    ],
)
def test_json_that_cannot_be_used_is_named(file, content, said, tmp_path):
    make_something_v2(tmp_path)
    (tmp_path / file).write_text(content)
    message = the_error(SomethingV2(tmp_path))
    assert message.startswith(str(tmp_path / file))
    assert said in message
