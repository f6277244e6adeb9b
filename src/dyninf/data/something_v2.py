"""Something-Something v2 (Mahdisoltani et al., 2018): 220,847 clips of 174 actions, VP9 in WebM."""

from __future__ import annotations

from pathlib import Path

from dyninf.data.annotations import Place, folder_of, json_of, needed, shown
from dyninf.data.published import PublishedDataModule, PublishedSizes
from dyninf.data.video_dataset import Video

NAME = "something-something-v2"
LISTS = (".", "labels", "annotations")


class SomethingV2(PublishedDataModule):
    """labels.json, train.json, validation.json in a folder of `LISTS`, also with `NAME`- in front, and
    20bn-`NAME`/ID.webm; tested on validation.

    Args and errors: the base's; flip has to be false.
    """

    name = "something_v2"
    may_flip = False
    published_sizes = PublishedSizes(220_847, 168_913, 24_777)

    def published_classes(self) -> list[str]:
        file = self._file("list of classes", "labels")
        number_of = json_of(file, dict)
        text_of = {name: str(n) if isinstance(n, (str, int)) else "" for name, n in number_of.items()}
        names = sorted(text_of, key=lambda name: (len(text_of[name]), text_of[name]))
        for number, name in enumerate(names):
            if text_of[name] != str(number):
                raise Place(file, f"class {shown(name)}").error(
                    f"classes are numbered from 0 on; expected {number}, got {shown(number_of[name])}"
                )
        return names

    def published_train(self) -> list[Video]:
        return self._read("training", "train")

    def published_test(self) -> list[Video]:
        return self._read("validation", "validation")

    def _file(self, what: str, name: str) -> Path:
        return needed(self.root, what, [f"{NAME}-{name}.json", f"{name}.json"], LISTS)

    def _read(self, kind: str, name: str) -> list[Video]:
        file = self._file(f"list of the {kind} videos", name)
        listed = []
        for number, entry in enumerate(json_of(file, list), start=1):
            place = Place(file, f"entry {number}")
            found = entry if isinstance(entry, dict) else {}
            video_id, template = found.get("id"), found.get("template")
            if not isinstance(video_id, (str, int)) or not isinstance(template, str):
                raise place.error(f'expected an object with "id" and "template"; got {shown(entry)}')
            class_name = template.replace("[", "").replace("]", "")
            listed.append((str(video_id), self.label_of(class_name, place), place))
        folder = folder_of(self.root, [f"{video_id}.webm" for video_id, *_ in listed], [f"20bn-{NAME}"])
        for video_id, _, place in listed:
            self.fence.check_listed(folder / f"{video_id}.webm", place)
        return [Video(folder / f"{video_id}.webm", label, video_id) for video_id, label, _ in listed]
