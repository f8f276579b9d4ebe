"""`link`: one HDF5 file over all shards."""

import argparse
from dataclasses import asdict

from zarr_hdf5.api.link import link
from zarr_hdf5.cli.outcome import Commands, Outcome

__all__ = ["add_link"]


def add_link(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 link URL`."""
    parser = commands.add_parser("link", help="write the HDF5 file that shows a whole Zarr hierarchy, x.zarr/x.h5")
    parser.add_argument("url")
    parser.add_argument("--file", help="another name for it; such a file is not kept current")
    parser.set_defaults(run=_link)
    return parser


def _link(options: argparse.Namespace) -> Outcome:
    done = link(options.url, options.file)
    return Outcome(str(done), asdict(done), 1 if done.left_out else 0)
