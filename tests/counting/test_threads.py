"""Codecs run on more than one core, whether there is one shard or many."""

import threading
from typing import Any

import numpy as np
import pytest
from counting_store import CodecCalls

import zarr_hdf5 as zh
from zarr_hdf5.parallel import worker_count

ARRAYS: dict[str, dict[str, Any]] = {
    "one small shard": {"chunks": (32, 32), "shards": (128, 128)},
    "many shards": {"chunks": (16, 16), "shards": (32, 32)},
    "one large shard": {"chunks": (512, 512), "shards": (2048, 2048), "shape": (2048, 2048)},
    "no shards": {"chunks": (32, 32), "shards": None, "hdf5": False},
}


@pytest.mark.skipif(worker_count() == 1, reason="one core")
@pytest.mark.parametrize("options", ARRAYS.values(), ids=ARRAYS)
def test_reading_and_writing_use_more_than_one_thread(options: dict[str, Any], codecs: CodecCalls) -> None:
    wanted: Any = {"shape": (128, 128), "dtype": "u2", **options}
    array = zh.create_array("memory://threads", overwrite=True, **wanted)
    values = np.random.default_rng(6).integers(1, 99, wanted["shape"], np.uint16)
    codecs.meet = threading.Barrier(2)
    array[...] = values
    writers = set(codecs.threads)
    codecs.threads.clear()
    codecs.meet = threading.Barrier(2)
    np.testing.assert_array_equal(array[...], values)
    assert len(writers) >= 2
    assert len(codecs.threads) >= 2
