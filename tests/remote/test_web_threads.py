import subprocess
import sys
import uuid

import h5py
import numpy as np
from web_server import WebServer

# h5py's lock is held while libhdf5 reads through a BlockFile; whatever is collected meanwhile, on any thread, waits for
# that lock if it is an h5py object. A subprocess, for a deadlock ends no other way.
OPEN_MANY = """
import gc, sys, threading
import h5py
from zarr_hdf5.stores.block_file import BlockCache, BlockFile
from zarr_hdf5.stores.resolve import object_at

gc.set_threshold(7, 2, 2)
store, name = object_at(sys.argv[1])
cache = BlockCache(block_nbytes=4096, max_nbytes=8 * 4096)
total = []

def garbage(file):
    for name in list(file)[:3]:
        cycle = [file[name], file.id]
        cycle.append(cycle)

def through_libhdf5():
    for i in range(15):
        with h5py.File(BlockFile(store, name, cache=cache), "r") as file:
            garbage(file)
            total.append(int(sum(file[name][0] for name in file)))

def around_libhdf5():
    for i in range(150):
        file = BlockFile(store, name, cache=cache)
        file.read_at(i * 1000, 20_000)
        cycle = [file, h5py.h5s.create_simple((i + 1,))]
        cycle.append(cycle)

threads = [threading.Thread(target=target) for target in [through_libhdf5] * 4 + [around_libhdf5] * 2]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(total), set(total))
"""


def test_many_openings_at_once_and_a_busy_collector(nginx: WebServer) -> None:
    name = f"{uuid.uuid4()}.h5"
    with h5py.File(nginx.root / name, "w") as file:
        for i in range(30):
            file[f"d{i}"] = np.full(3000, i)
    done = subprocess.run(
        [sys.executable, "-c", OPEN_MANY, f"{nginx.url}/{name}"], capture_output=True, text=True, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == (f"60 {{{sum(range(30))}}}", "")
