"""Full write, full read and random inner chunks: zarr_hdf5 and its peers, side by side.

    python benchmarks/run.py --rounds 5

All contenders have the same values in the same chunks, shards and codec, and each reads what it wrote itself. In every
round each does each task once, in an order that changes. Ratios are medians over rounds of peer / zarr_hdf5: above 1,
zarr_hdf5 is faster. That all read the same values is checked once, before anything is measured.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from contenders import CODECS, SHAPE, Contender, contenders
from data import image, median_ratio

CHUNK, SHARD = 32, 128
RANDOM_CHUNKS = 200
Task = Callable[[Contender], object]


def main() -> None:
    """Measure all codecs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--codecs", nargs="+", default=CODECS, choices=CODECS)
    parser.add_argument("--dir", default=None, help="where to write; default: a temporary directory")
    options = parser.parse_args()
    values = image(SHAPE)
    corners = np.random.default_rng(1).integers(0, np.array(SHAPE) // CHUNK, (RANDOM_CHUNKS, 3)) * CHUNK
    everything = (slice(None),) * values.ndim
    regions = [tuple(slice(a, a + CHUNK) for a in corner) for corner in corners.tolist()]
    tasks: dict[str, Task] = {
        "full write": lambda c: c.write(values),
        "full read": lambda c: c.read(everything),
        f"{RANDOM_CHUNKS} chunks": lambda c: [c.read(region) for region in regions],
    }
    for codec in options.codecs:
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            found = contenders(codec, Path(folder), (CHUNK,) * 3, (SHARD,) * 3)
            for contender in found:
                contender.write(values)
                for region in (everything, *regions):
                    np.testing.assert_array_equal(contender.read(region), values[region])
            print(f"\n{codec}: {values.nbytes >> 20} MiB, chunks {CHUNK}^3, shards {SHARD}^3")
            for name, task in tasks.items():
                report(name, measure(task, found, options.rounds))


def measure(task: Task, found: list[Contender], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round, by contender."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in found}
    for i in range(rounds):
        for contender in found[i % len(found) :] + found[: i % len(found)]:
            start = time.perf_counter()
            task(contender)
            seconds[contender.name].append(time.perf_counter() - start)
    return seconds


def report(task: str, seconds: dict[str, list[float]]) -> None:
    """A line for each contender."""
    (ours, *_) = seconds.values()
    for name, theirs in seconds.items():
        print(f"  {task:12} {name:22} {median(theirs) * 1000:9.1f} ms   {median_ratio(theirs, ours):6.2f}", flush=True)


if __name__ == "__main__":
    main()
