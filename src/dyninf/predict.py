"""``python -m dyninf.predict checkpoint=PATH source=VIDEO_OR_FOLDER``: classes, found with early exits."""

from contextlib import closing

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import ExitCode, application, file_of_job, ready_policy_of
from dyninf.configuration import device_named, make, number, whole_number
from dyninf.data import Windows
from dyninf.of_checkpoint import offer_dataset
from dyninf.predicting import Source, choose_engine, predict
from dyninf.report import Annotator, rows_to
from dyninf.runtime import Runner, stops_of


@application("predict", before=offer_dataset)
def main(config: DictConfig) -> ExitCode:
    """Predict what ``config.source`` names; the code is 1 if some videos could not be read."""
    batch, decoders = (whole_number(config, key, least=1) for key in ("batch", "decoders"))
    memory_mb = number(config, "memory_mb", least=1)
    windows = None if config.window is None else Windows.of(config.window, config.overlap)
    output, annotate = (file_of_job(config, key) for key in ("output", "annotate"))
    engine = choose_engine(config.runtime)
    device = device_named(config.device) if engine.name == "eager" else "cpu"
    file = checkpoint_file.read(config.checkpoint)
    network = file.network().to(device)
    policy = ready_policy_of(config, network, file.path.parent.parent)
    source = Source(str(config.source), make(config.dataset), windows, annotate)
    annotator = None if annotate is None else Annotator(annotate, source.path)
    crop = source.datamodule.test_transform.crop
    walk = Runner(network, crop, crop, engine, batch, stops_of(policy, len(network.checkpoints)))
    with closing(rows_to(output, source.is_live)) as rows:
        totals = predict(walk, policy, source, file.classes, rows, annotator, batch, memory_mb, decoders)
    print(totals.line())
    return ExitCode(totals.code)


if __name__ == "__main__":
    main()
