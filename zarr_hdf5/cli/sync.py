"""`sync` and `compact`: one file whose sides agree again; one file without gaps."""

import argparse

from zarr_hdf5.api.sync import compact, sync
from zarr_hdf5.cli.outcome import Commands, Outcome
from zarr_hdf5.cli.verify import report_facts
from zarr_hdf5.text import human_nbytes

__all__ = ["add_compact", "add_sync"]


def add_sync(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 sync FILE`."""
    parser = commands.add_parser("sync", help="make both sides of one file agree, or undo what was never finished")
    parser.add_argument("url")
    parser.add_argument("--prefer", choices=["newest", "hdf5", "zarr"], default="newest", help="whose word counts")
    parser.set_defaults(run=_sync)
    return parser


def add_compact(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 compact FILE`."""
    parser = commands.add_parser("compact", help="write one file anew, without the gaps that changes have left")
    parser.add_argument("url")
    parser.set_defaults(run=_compact)
    return parser


def _sync(options: argparse.Namespace) -> Outcome:
    report = sync(options.url, prefer=options.prefer)
    return Outcome(str(report), report_facts(report), 0 if report else 1)


def _compact(options: argparse.Namespace) -> Outcome:
    saved = compact(options.url)
    return Outcome(f"{options.url}: {human_nbytes(saved)} saved", {"url": options.url, "saved": saved})
