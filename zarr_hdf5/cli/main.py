"""The command `zarr-hdf5`: parses arguments, prints outcomes, turns errors into one line and an exit status.

Exit status: 0 all is well, 1 the data disagree or could not all be converted, 2 a usage or input error.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence

import zarr_hdf5
from zarr_hdf5.cli.convert import add_convert
from zarr_hdf5.cli.demo import add_demo
from zarr_hdf5.cli.link import add_link
from zarr_hdf5.cli.migrate_v2 import add_migrate_v2
from zarr_hdf5.cli.outcome import Outcome
from zarr_hdf5.cli.show import add_info, add_tree
from zarr_hdf5.cli.sync import add_compact, add_sync
from zarr_hdf5.cli.verify import add_verify
from zarr_hdf5.errors import ZarrHDF5Error

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    begun = time.perf_counter()
    try:
        outcome: Outcome = options.run(options)
    except (ZarrHDF5Error, OSError, ValueError) as error:
        # One line: a user can cause all of these, and none of them is cured by a traceback.
        print(f"zarr-hdf5: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("zarr-hdf5: interrupted", file=sys.stderr)
        return 130
    seconds = time.perf_counter() - begun
    try:
        _print(outcome, seconds, as_json=options.json)
    except BrokenPipeError:
        sys.stderr.close()
    return outcome.status


def _print(outcome: Outcome, seconds: float, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({**outcome.facts, "seconds": round(seconds, 3)}, indent=2))
    else:
        print(outcome.text)
        if outcome.timed:
            print(f"({seconds:.2f} s)")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("zarr-hdf5", description=zarr_hdf5.__doc__)
    parser.add_argument("--version", action="version", version=f"zarr-hdf5 {zarr_hdf5.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (add_info, add_tree, add_convert, add_link, add_verify, add_sync, add_compact, add_migrate_v2, add_demo):
        add(commands).add_argument("--json", action="store_true", help="answer in JSON")
    return parser
