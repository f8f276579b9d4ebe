"""What the HDF5 view costs a writer: the same array with it and without it, in turns.

    python benchmarks/hdf5_view_cost.py --rounds 10

Prints medians of the ratios with / without of shards (32 MiB) that were written next to each other: by the clock, and
in processor time, which other programs on the machine disturb less.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
from data import image, median_ratio

import zarr_hdf5 as zh

SHARD = 256
CODECS = ("none", "blosc", "zstd", "deflate")


@dataclass(frozen=True)
class Result:
    """One kind of array.

    seconds
        Of a shard without the view.
    clock, processor
        With / without.
    """

    codec: str
    inner: int
    libver: str
    seconds: float
    clock: float
    processor: float


def main() -> None:
    """Measure all kinds of arrays."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--mib", type=int, default=256, help="size of the array, a multiple of 32")
    parser.add_argument("--codecs", nargs="+", default=CODECS, choices=CODECS)
    parser.add_argument("--inner", nargs="+", type=int, default=[64, 32], help="edge of an inner chunk")
    parser.add_argument("--libver", nargs="+", default=["earliest", "v110"])
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    parser.add_argument("--control", action="store_true", help="never with the view: what is measured then is noise")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    values = image((SHARD * options.mib // 32, SHARD, SHARD))
    results = []
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        for codec in options.codecs:
            for inner in options.inner:
                for libver in options.libver:
                    hdf5 = False if options.control else zh.HDF5(libver=libver)
                    result = measure(Path(folder), values, codec, inner, hdf5, options.rounds)
                    results.append(result)
                    if not options.json:
                        print(line(result), flush=True)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=1))


def measure(
    folder: Path, values: npt.NDArray[np.uint16], codec: str, inner: int, hdf5: bool | zh.HDF5, rounds: int
) -> Result:
    """Write shard after shard, each to both arrays, in changing order; every round to new arrays."""
    kinds: dict[str, bool | zh.HDF5] = {"with": hdf5, "without": False}
    clock: dict[str, list[float]] = {"with": [], "without": []}
    processor: dict[str, list[float]] = {"with": [], "without": []}
    for i in range(-1, rounds):
        arrays = {
            kind: zh.create_array(
                folder / f"{kind}.zarr",
                shape=values.shape,
                dtype=values.dtype,
                chunks=(inner,) * 3,
                shards=(SHARD,) * 3,
                compressors=None if codec == "none" else codec,
                hdf5=wanted,
            )
            for kind, wanted in kinds.items()
        }
        for at in range(0, len(values), SHARD):
            for kind in sorted(kinds, reverse=(i + at // SHARD) % 2 == 0):
                start = time.perf_counter(), time.process_time()
                arrays[kind][at : at + SHARD] = values[at : at + SHARD]
                if i >= 0:  # the round before the first warms up
                    clock[kind].append(time.perf_counter() - start[0])
                    processor[kind].append(time.process_time() - start[1])
        for kind in kinds:
            shutil.rmtree(folder / f"{kind}.zarr")
        os.sync()
    ratios = median_ratio(clock["with"], clock["without"]), median_ratio(processor["with"], processor["without"])
    libver = hdf5.libver if isinstance(hdf5, zh.HDF5) else "control"
    return Result(codec, inner, libver, median(clock["without"]), *ratios)


def line(result: Result) -> str:
    """A line of the table."""
    return (
        f"{result.codec:8} inner {result.inner}^3  {result.libver:8}  a shard without: {result.seconds * 1000:7.1f} ms "
        f"  with / without: clock {result.clock:.3f}, processor {result.processor:.3f}"
    )


if __name__ == "__main__":
    main()
