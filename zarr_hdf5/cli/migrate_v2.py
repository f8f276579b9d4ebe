"""`migrate-v2`: Zarr v3 metadata beside those of v2."""

import argparse
from dataclasses import asdict

from zarr_hdf5.api.migrate_v2 import migrate_v2
from zarr_hdf5.cli.outcome import Commands, Outcome

__all__ = ["add_migrate_v2"]


def add_migrate_v2(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 migrate-v2 URL`."""
    parser = commands.add_parser(
        "migrate-v2", help="write Zarr v3 metadata beside those of v2; chunks stay as they are"
    )
    parser.add_argument("url")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--remove-v2", action="store_true", help="delete the metadata of v2 afterwards")
    parser.set_defaults(run=_migrate_v2)
    return parser


def _migrate_v2(options: argparse.Namespace) -> Outcome:
    done = migrate_v2(options.url, dry_run=options.dry_run, remove_v2=options.remove_v2)
    verb = "would get" if options.dry_run else "got"
    lines = [f"{options.url}: {len(done.migrated)} nodes {verb} Zarr v3 metadata, {len(done.kept)} had them already"]
    lines += [f"cannot be migrated: {path or '/'}: {' '.join(why.split())}" for path, why in done.refused]
    return Outcome("\n".join(lines), asdict(done), 1 if done.refused else 0)
