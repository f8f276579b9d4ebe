"""What `convert` needs: peak resident memory and seconds for a large HDF5 file into 256 MiB shards.

    python benchmarks/convert_memory.py --gib 4

Each conversion runs in a process of its own, whose peak is what Linux says of it. (Not `ru_maxrss`: a child's begins
with the memory of its parent.)
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from data import image

CHUNK = (64, 128, 128)
PLANE = (1024, 1024)
STORAGE: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": CHUNK},
    "deflate": {"chunks": CHUNK, "compression": "gzip", "compression_opts": 1, "shuffle": True},
    "zstd": {"chunks": CHUNK, **hdf5plugin.Zstd(clevel=1)},
}
CHILD = """
import json, sys, time
from pathlib import Path

import zarr_hdf5 as zh

def peak():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) >> 10

imported, start = peak(), time.perf_counter()
done = zh.convert(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))
assert len(done.converted) == 1, done.skipped
print(json.dumps({"seconds": time.perf_counter() - start, "imported": imported, "peak": peak()}))
"""


def main() -> None:
    """Measure every kind of source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--shard-mib", type=int, default=256)
    parser.add_argument("--compressors", nargs="+", default=["zstd", "none"])
    parser.add_argument("--storage", nargs="+", default=list(STORAGE), choices=list(STORAGE))
    parser.add_argument("--dir", default=None)
    options = parser.parse_args()
    planes = int(options.gib * 2**30) // (2 * PLANE[0] * PLANE[1])
    shard = (options.shard_mib * 2**20 // (2 * PLANE[0] * PLANE[1]), *PLANE)
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        source = Path(folder, "source.h5")
        for storage in options.storage:
            create(source, planes, STORAGE[storage])
            for compressors in options.compressors:
                target = Path(folder, "target.zarr")
                wanted = {"chunks": CHUNK, "shards": shard, "compressors": compressors, "overwrite": True}
                if compressors == "none":
                    wanted["compressors"] = []
                found = measure(source, target, wanted)
                print(
                    f"{storage:10} -> {compressors:8} {options.gib:g} GiB, shards of {options.shard_mib} MiB: "
                    f"peak {found['peak']:5} MiB (imported: {found['imported']} MiB), {found['seconds']:6.1f} s",
                    flush=True,
                )


def create(source: Path, planes: int, storage: dict[str, Any]) -> None:
    """A file of that many planes; 64 different ones, again and again."""
    values = image((64, *PLANE))
    with h5py.File(source, "w") as file:
        dataset = file.create_dataset("image", (planes, *PLANE), "u2", **storage)
        for start in range(0, planes, len(values)):
            stop = min(start + len(values), planes)
            dataset[start:stop] = values[: stop - start] + np.uint16(start // len(values))


def measure(source: Path, target: Path, wanted: dict[str, Any]) -> dict[str, float]:
    """Convert in a child."""
    command = [sys.executable, "-c", CHILD, str(source), str(target), json.dumps(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
