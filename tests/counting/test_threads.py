"""Codecs run on more than one core, whether there is one shard or many."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting_store import CodecCalls, CountingStore

import zarr_hdf5 as zh
from zarr_hdf5.parallel import worker_count
from zarr_hdf5.stores.local import LocalStore

ARRAYS: dict[str, dict[str, Any]] = {
    "one shard of a MiB": {"chunks": (64, 64), "shards": (1024, 512), "shape": (1024, 512)},
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


@pytest.mark.skipif(worker_count() == 1, reason="one core")
@pytest.mark.parametrize("in_memory", [False, True], ids=["files", "another store"])
def test_little_is_read_by_the_thread_that_asks(codecs: CodecCalls, tmp_path: Path, *, in_memory: bool) -> None:
    """From the four corners of shards in files of this machine; other stores may take their time for each request."""
    store = CountingStore() if in_memory else LocalStore(tmp_path)
    array = zh.create_array(store, data=np.ones((128, 128), "u2"), chunks=(32, 32), shards=(64, 64))
    codecs.threads.clear()
    codecs.meet = threading.Barrier(2) if in_memory else None
    array[60:70, 60:70]
    assert (codecs.threads == {threading.get_ident()}) is not in_memory
