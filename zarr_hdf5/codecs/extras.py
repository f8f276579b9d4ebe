"""Packages that only some codecs need, and that users install for them."""

from functools import cache
from importlib import import_module
from typing import Any

from zarr_hdf5.errors import UnsupportedFeatureError

__all__ = ["require_package"]


@cache
def require_package(package: str, codec: str, extra: str) -> Any:
    """The package. Raises UnsupportedFeatureError where it is not installed, with the name of our extra for it."""
    try:
        return import_module(package)
    except ImportError as error:
        message = f"{codec}: needs the package {package}: pip install 'zarr-hdf5[{extra}]'"
        raise UnsupportedFeatureError(message) from error
