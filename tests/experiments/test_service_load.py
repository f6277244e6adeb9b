"""The figures that were kept of the service under load are those of a study that found no fault."""

import json
from pathlib import Path

import experiments.service_load.run as study

RESULT = json.loads((Path(study.__file__).parent / "result.json").read_text())


def test_every_upload_of_the_study_ended_as_its_kind_has_to() -> None:
    assert RESULT["faults"] == []
    assert RESULT["files_left"] == 0
    assert RESULT["metrics"]["dyninf_clips_waiting"] == 0
    for kind, number in study.UPLOADS.items():
        statuses = RESULT["by_kind"][kind]["statuses"]
        assert sum(statuses.values()) == number * RESULT["rounds"]
        assert set(statuses) <= {str(status or "went away") for status in study.KINDS[kind].statuses}


def test_the_tables_are_those_of_the_result() -> None:
    folder = Path(study.__file__).parent
    assert (folder / "result.md").read_text() == study.tables(RESULT)
    for line in study.tables(RESULT).splitlines():
        assert line in (folder / "README.md").read_text()
