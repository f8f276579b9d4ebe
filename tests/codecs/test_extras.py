"""Codecs whose package is not installed."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

import zarr_hdf5 as zh
from zarr_hdf5.codecs.extras import require_package


@pytest.fixture
def _without_packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for package in ("pcodec", "zfpy"):
        monkeypatch.setitem(sys.modules, package, None)
    require_package.cache_clear()
    yield
    require_package.cache_clear()


@pytest.mark.usefixtures("_without_packages")
@pytest.mark.parametrize(
    ("name", "configuration", "extra"),
    [
        ("zfp", {"mode": "reversible"}, "zfp"),
        ("numcodecs.zfpy", {}, "zfp"),
        ("numcodecs.pcodec", {}, "pcodec"),
    ],
)
@pytest.mark.parametrize("hdf5", [False, True])
def test_the_extra_is_named(name: str, configuration: dict[str, object], extra: str, hdf5: bool) -> None:
    serializer = {"name": name, "configuration": configuration}
    with pytest.raises(zh.errors.UnsupportedFeatureError, match=rf"{name}: needs .*zarr-hdf5\[{extra}\]"):
        zh.create_array("memory://extras", data=np.zeros(4), serializer=serializer, compressors=None, hdf5=hdf5)
