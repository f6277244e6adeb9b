"""Answering over HTTP: a video comes in, its class goes out, on the same queues as ``predict``.

`app`, `uploads`, `metrics`, `connections` and `server` need the packages of the extra ``serve``; import them
after `require_packages`.
"""

from dyninf.service.limits import Limits
from dyninf.service.packages import require_packages
from dyninf.service.worker import Worker, WorkerEndedError

__all__ = ["Limits", "Worker", "WorkerEndedError", "require_packages"]
