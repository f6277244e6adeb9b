"""Running the service until it is told to stop."""

from __future__ import annotations

import math
import signal
import socket
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from dyninf.service.app import make_app
from dyninf.service.connections import punctual
from dyninf.service.service import Service

SLACK = 5.0
"""Seconds that a connection lasts longer than an upload may: enough to tell the client why it ends."""


class Server(uvicorn.Server):
    """uvicorn's server for one service, which learns of the end as soon as the server does."""

    def __init__(self, service: Service) -> None:
        limits = service.limits
        super().__init__(
            uvicorn.Config(
                make_app(service),
                http=punctual(limits.upload_seconds + SLACK),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=limits.connections,
                timeout_graceful_shutdown=math.ceil(limits.time_limit + SLACK),
            )
        )
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._service.is_closing = True
        super().handle_exit(sig, frame)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises OSError that names the address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise OSError(f"cannot listen on host={host} port={port}: {error}") from error


def serve(service: Service, listener: socket.socket) -> None:
    """Answer requests until SIGTERM or SIGINT comes, and then those that are under way."""
    for number in HANDLED_SIGNALS:
        # uvicorn raises a signal again when it has ended; that it came is no error.
        signal.signal(number, lambda *_: None)
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    service.worker.start()
    try:
        print(f"Serving on http://{address}:{port} (Ctrl-C ends)", flush=True)
        Server(service).run(sockets=[listener])
    finally:
        service.close()
