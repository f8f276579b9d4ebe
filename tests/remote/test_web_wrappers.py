"""A log of, and a cache before, a web server: the log says what nginx says, and the cache saves bytes."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from web_server import WebServer

import zarr_hdf5 as zh
from zarr_hdf5.stores.cached import CachedStore
from zarr_hdf5.stores.logged import LoggedStore
from zarr_hdf5.stores.resolve import store_from_url

VALUES = np.random.default_rng(4).integers(0, 2**16, (600, 600), "u2")


def test_log_and_cache(nginx: WebServer) -> None:
    path: Path = nginx.root / "wrapped.zarr"
    zh.create_array(path, data=VALUES, chunks=(100, 100), shards=(300, 300), compressors=None)
    log = LoggedStore(store_from_url(f"{nginx.url}/{path.name}"))
    cache = CachedStore(log)
    found: list[Any] = []
    first = nginx.during(lambda: found.append(zh.open_array(cache)[...]))
    np.testing.assert_array_equal(found[0], VALUES)
    # An object of which parts are wanted is looked at once more than without a cache; nothing is asked for in vain.
    assert len(first) == sum(max(1, len(request.ranges)) for request in log.log) == 1 + 4 * 3
    log.log.clear()
    array = zh.open_array(cache)
    second = nginx.during(lambda: found.append(array[...]))
    np.testing.assert_array_equal(found[1], VALUES)
    assert {request.method for request in second} == {"HEAD"}
    # What is replaced is seen at once; nginx tells by the second.
    zh.create_array(path, data=VALUES + 1, chunks=(100, 100), shards=(300, 300), compressors=None, overwrite=True)
    for file in filter(Path.is_file, path.rglob("*")):
        os.utime(file, (0, 0))
    np.testing.assert_array_equal(array[...], VALUES + 1)
