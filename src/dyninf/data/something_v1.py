"""Something-Something v1 (Goyal et al., ICCV 2017): 108,499 clips of 174 actions, as JPEG images."""

from __future__ import annotations

from dyninf.data.annotations import folder_of, lines, needed, shown
from dyninf.data.published import PublishedDataModule, PublishedSizes
from dyninf.data.video_dataset import Video

NAME = "something-something-v1"


class SomethingV1(PublishedDataModule):
    """`NAME`-labels.csv, -train.csv, -validation.csv, and 20bn-`NAME`/ID/00001.jpg; tested on validation.

    Args and errors: the base's; flip has to be false.
    """

    name = "something_v1"
    may_flip = False
    published_sizes = PublishedSizes(108_499, 86_017, 11_522)

    def published_classes(self) -> list[str]:
        return [line for _, line in lines(needed(self.root, "list of classes", [f"{NAME}-labels.csv"]))]

    def published_train(self) -> list[Video]:
        return self._read("training", f"{NAME}-train.csv")

    def published_test(self) -> list[Video]:
        return self._read("validation", f"{NAME}-validation.csv")

    def _read(self, kind: str, name: str) -> list[Video]:
        listed = []
        for place, line in lines(needed(self.root, f"list of the {kind} videos", [name])):
            video_id, _, class_name = line.partition(";")
            if not video_id.isdigit() or not class_name:
                raise place.error(f'expected "ID;CLASS"; got {shown(line)}')
            listed.append((video_id, self.label_of(class_name.strip(), place)))
        folder = folder_of(self.root, [video_id for video_id, _ in listed], [f"20bn-{NAME}"])
        return [Video(folder / video_id, label, video_id) for video_id, label in listed]
