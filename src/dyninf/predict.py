"""``python -m dyninf.predict checkpoint=PATH source=VIDEO_OR_FOLDER``: classes, found with early exits."""

from contextlib import closing

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import ExitCode, application, file_of_job
from dyninf.configuration import device_named, make, number, whole_number
from dyninf.data import Windows
from dyninf.of_checkpoint import offer_dataset, ready_policy_of
from dyninf.predicting import Source, make_runner, predict
from dyninf.report import Annotator, rows_to


@application("predict", before=offer_dataset)
def main(config: DictConfig) -> ExitCode:
    """Predict what ``config.source`` names; the code is 1 if some videos could not be read."""
    batch, decoders = (whole_number(config, key, least=1) for key in ("batch", "decoders"))
    memory_mb = number(config, "memory_mb", least=1)
    windows = None if config.window is None else Windows.of(config.window, config.overlap)
    output, annotate = (file_of_job(config, key) for key in ("output", "annotate"))
    device = device_named(config.device)
    file = checkpoint_file.read(config.checkpoint)
    network = file.network().to(device)
    policy = ready_policy_of(config, file, network)
    source = Source(str(config.source), make(config.dataset), windows, annotate)
    annotator = None if annotate is None else Annotator(annotate, source.path)
    crop = source.datamodule.test_transform.crop
    runner = make_runner(config.runtime, network, crop, batch, policy)
    with closing(rows_to(output, source.is_live)) as rows:
        totals = predict(runner, policy, source, file.classes, rows, annotator, batch, memory_mb, decoders)
    print(totals.line())
    return ExitCode(totals.code)


if __name__ == "__main__":
    main()
