"""`verify`: do both views of every shard agree?"""

import argparse
import sys
from typing import Any

from tqdm import tqdm

from zarr_hdf5.api.verify import Report, verify
from zarr_hdf5.cli.outcome import Commands, Outcome

__all__ = ["add_verify", "report_facts"]


def add_verify(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 verify URL`."""
    parser = commands.add_parser("verify", help="compare both views of every shard, chunk by chunk")
    parser.add_argument("url")
    parser.add_argument("--quick", action="store_true", help="compare the indexes only, decode nothing")
    parser.set_defaults(run=_verify)
    return parser


def _verify(options: argparse.Namespace) -> Outcome:
    show = sys.stderr.isatty() and not options.json
    with tqdm(unit="B", unit_scale=True, disable=not show, delay=1, leave=False) as bar:
        report = verify(options.url, deep=not options.quick, progress=bar.update)
    return Outcome(str(report), report_facts(report), 0 if report else 1)


def report_facts(report: Report) -> dict[str, Any]:
    """A report, for programs."""
    return {
        "agree": bool(report),
        "arrays": report.arrays,
        "shards": report.shards,
        "chunks": report.chunks,
        "disagreements": [
            {"key": d.key, "chunk": None if d.chunk is None else list(d.chunk), "reason": d.reason}
            for d in report.disagreements
        ],
        "notes": list(report.notes),
    }
