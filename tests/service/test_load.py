"""Many clients at once, the load study's own, most of which do not behave."""

from pathlib import Path

from experiments.service_load.clients import KINDS, run_clients
from tests.service.running import check_answer, running, video_of

from dyninf.grid import Network
from dyninf.service import Limits


def test_every_good_upload_is_answered_rightly_among_bad_ones(small_network: Network, tmp_path: Path) -> None:
    videos = [video_of(tmp_path / str(frames), frames) for frames in (10, 25, 40)]
    kinds = ["good"] * 20 + ["slow"] * 3 + [kind for kind in KINDS if kind not in ("good", "slow")] * 3
    uploads = [(kind, number % 3) for number, kind in enumerate(kinds)]
    folder = tmp_path / "uploads"
    folder.mkdir()
    limits = Limits(queue=12, upload_mb=1, upload_seconds=4)
    with running(small_network, folder, limits) as service:
        outcomes = run_clients(service.address, uploads, [video.read_bytes() for video in videos])
        assert len(outcomes) == len(uploads) == 41
        for outcome in outcomes:
            assert outcome.status in KINDS[outcome.kind].statuses, outcome
            if outcome.status == 200:
                check_answer(outcome.answer, small_network, videos[outcome.video])
        assert any(outcome.waits for outcome in outcomes)
        service.check_nothing_is_left()
        assert service.metric('dyninf_requests_total{status="200"}') == 23
        assert service.metric('dyninf_requests_total{status="500"}') == 0
