"""``python -m dyninf.serve checkpoint=PATH``: the classes of videos over HTTP, leaving early for real."""

from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.configuration import device_named, number, whole_number, yes_or_no
from dyninf.of_checkpoint import make_clips, offer_dataset, reading_of, ready_policy_of
from dyninf.predicting import make_runner
from dyninf.runtime import Queues
from dyninf.service import Limits, Worker, require_packages


@application("serve", before=offer_dataset)
def main(config: DictConfig) -> None:
    """Serve ``config.checkpoint`` until SIGTERM or Ctrl-C."""
    require_packages()
    # They import the packages that were looked for.
    from dyninf.service.description import Description
    from dyninf.service.metrics import Metrics
    from dyninf.service.server import listen, serve
    from dyninf.service.service import Service
    from dyninf.service.teller import Teller
    from dyninf.service.thumbnails import Thumbnails
    from dyninf.service.videos import clips_by

    limits = limits_of(config)
    has_page = yes_or_no(config, "page")
    batch, decoders = (whole_number(config, key, least=1) for key in ("batch", "decoders"))
    memory_mb = number(config, "memory_mb", least=1)
    with (
        listen(str(config.host), whole_number(config, "port", least=0)) as listener,
        TemporaryDirectory(prefix="dyninf-uploads-") as folder,
    ):
        file = checkpoint_file.read(config.checkpoint)
        network = file.network().to(device_named(config.device))
        policy = ready_policy_of(config, file, network)
        data = make_clips(config, file)
        crop = data.test_transform.crop
        runner = make_runner(config.runtime, network, crop, batch, policy)
        queues = Queues(runner, policy, batch, memory_mb, decoders, finish_first=True)
        description = Description.of(network, file.classes, crop, crop)
        metrics = Metrics(description.checkpoints, description.full_gmacs)
        worker = Worker(queues, metrics.count_answer)
        info = description.info(policy, limits)
        teller = None
        if has_page:
            pictures = Thumbnails(data.test_transform.mean, data.test_transform.std)
            teller = Teller(network, policy, description, crop, crop, pictures)
        describe, uploads = description.answer, Path(folder)
        with reading_of(config, data, limits.of_videos) as reading:
            clip_of = clips_by(reading.source, data, network.permutation)
            service = Service(
                worker, clip_of, describe, metrics, info, limits, uploads, teller, reading.measure
            )
            serve(service, listener)


def limits_of(config: DictConfig) -> Limits:
    """The settings that limit what is taken on."""
    return Limits(
        queue=whole_number(config, "max_queue", least=1),
        upload_mb=number(config, "max_upload_mb", least=0.001),
        upload_seconds=number(config, "upload_seconds", least=0.001),
        seconds=number(config, "max_seconds", least=0),
        frames=whole_number(config, "max_frames", least=1),
        megapixels=number(config, "max_megapixels", least=0),
        time_limit=number(config, "time_limit", least=0.001),
        connections=whole_number(config, "max_connections", least=2),
    )


if __name__ == "__main__":
    main()
