"""What the service needs besides dyninf's own dependencies."""

from importlib.util import find_spec

NEEDS = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def require_packages() -> None:
    """Raise ValueError, which says what to install, if a package of the extra ``serve`` is missing."""
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"dyninf.serve needs packages that are not there ({', '.join(missing)}): "
            "pip install 'dyninf[serve]'"
        )
