"""`convert`: HDF5, netCDF-4 and Zarr into arrays whose shards are HDF5 files."""

import argparse
import sys
from pathlib import Path

from zarr_hdf5.api.convert import convert
from zarr_hdf5.cli.outcome import Commands, Outcome
from zarr_hdf5.shard.options import HDF5
from zarr_hdf5.text import human_nbytes

__all__ = ["add_convert"]


def add_convert(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 convert SRC DST`."""
    parser = commands.add_parser("convert", help="copy HDF5, netCDF-4 or Zarr into Zarr whose shards are HDF5 files")
    parser.add_argument("src")
    parser.add_argument("dst")
    parser.add_argument("--include", action="append", metavar="PATTERN", help="only arrays whose path matches")
    parser.add_argument("--chunks", type=_shape, metavar="N,N,...", help="shape of the inner chunks")
    parser.add_argument("--shards", type=_shape, metavar="N,N,...", help="shape of the shards")
    parser.add_argument("--compressors", choices=["deflate", "zstd", "blosc", "none"])
    parser.add_argument(
        "--libver", choices=["earliest", "v110"], default="earliest", help="oldest HDF5 to read the shards"
    )
    parser.add_argument("--virtual-dataset", action="store_true", help="also write the HDF5 file that `link` writes")
    parser.add_argument("--no-hdf5", action="store_true", help="write plain Zarr shards")
    parser.add_argument("--overwrite", action="store_true", help="replace whatever is at DST")
    parser.set_defaults(run=_convert)
    return parser


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _convert(options: argparse.Namespace) -> Outcome:
    done = convert(
        options.src,
        options.dst,
        include=options.include,
        chunks=options.chunks,
        shards=options.shards,
        compressors=() if options.compressors == "none" else options.compressors,
        progress=sys.stderr.isatty() and not options.json,
        overwrite=options.overwrite,
        hdf5=False if options.no_hdf5 else HDF5(libver=options.libver, virtual_dataset=options.virtual_dataset),
    )
    lines = [f"{Path(options.src).name} -> {options.dst}: {len(done.converted)} arrays, {human_nbytes(done.nbytes)}"]
    lines += [f"not converted: {path or '/'}: {' '.join(why.split())}" for path, why in done.skipped]
    lines += [f"without an HDF5 side: {path or '/'}" for path in done.zarr_only]
    facts = {
        "url": done.url,
        "converted": list(done.converted),
        "zarr_only": list(done.zarr_only),
        "skipped": [{"path": path, "reason": why} for path, why in done.skipped],
        "nbytes": done.nbytes,
    }
    return Outcome("\n".join(lines), facts, 1 if done.skipped else 0)
