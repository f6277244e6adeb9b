"""``python -m dyninf.predict checkpoint=PATH source=VIDEO_OR_FOLDER``: classes, found with early exits."""

from contextlib import closing

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import ExitCode, application, file_of_job
from dyninf.configuration import device_named, make, number, whole_number
from dyninf.data import Windows
from dyninf.of_checkpoint import limits_of, make_clips, offer_dataset, reading_of, ready_policy_of
from dyninf.predicting import Source
from dyninf.predicting_shards import check_output, rows_of
from dyninf.predicting_work import Work
from dyninf.report import Annotator


@application("predict", before=offer_dataset)
def main(config: DictConfig) -> ExitCode:
    """Predict what ``config.source`` names; the code is 1 if some videos could not be read."""
    batch, decoders, shard = (whole_number(config, key, least=1) for key in ("batch", "decoders", "shard"))
    memory_mb = number(config, "memory_mb", least=1)
    windows = None if config.window is None else Windows.of(config.window, config.overlap)
    output, annotate = (file_of_job(config, key) for key in ("output", "annotate"))
    engine = make(config.engine)
    engine.check(output, annotate)
    device = device_named(config.device)
    file = checkpoint_file.read(config.checkpoint)
    network = file.network()
    policy = ready_policy_of(config, file, network)
    data, runtime = make_clips(config, file), str(config.runtime)
    with reading_of(config, data, limits_of(config)) as reading:
        source = Source(str(config.source), data, windows, annotate, reading.source)
        check_output(output, source, policy)
        annotator = None if annotate is None else Annotator(annotate, source.path, reading.source)
        work = Work(file.path, file.classes, policy, source, device, runtime, batch, memory_mb, decoders)
        answer = engine.ready(work, network, annotator)
        with closing(rows_of(output, work, network, shard)) as rows:
            totals = answer(rows)
            if not totals.interrupted:
                rows.check_whole()
    print(totals.line())
    return ExitCode(totals.code)


if __name__ == "__main__":
    main()
