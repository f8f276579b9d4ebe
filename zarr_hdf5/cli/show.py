"""`info` and `tree`: what is there."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from zarr_hdf5.api.open import open
from zarr_hdf5.array.array import Array
from zarr_hdf5.array.info import StorageFacts
from zarr_hdf5.cli.outcome import Commands, Outcome
from zarr_hdf5.errors import ZarrHDF5Error
from zarr_hdf5.group import Group

__all__ = ["add_info", "add_tree"]


def add_info(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 info URL`."""
    return _add(commands, "info", "describe an array or a group, and who can read it", _info)


def add_tree(commands: Commands) -> argparse.ArgumentParser:
    """`zarr-hdf5 tree URL`."""
    return _add(commands, "tree", "draw a hierarchy", _tree)


def _add(
    commands: Commands, name: str, purpose: str, run: Callable[[argparse.Namespace], Outcome]
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=purpose)
    parser.add_argument("url")
    parser.add_argument("--path", default="", help="node below the URL")
    parser.set_defaults(run=run)
    return parser


def _info(options: argparse.Namespace) -> Outcome:
    node = open(options.url, path=options.path)
    facts = _facts(node)
    if isinstance(node, Group):
        lines = [f"Group {node.name} in {node.store.url}"]
        lines += [f"  {name}: {value}" for name, value in facts["attributes"].items()]
        lines += ["Members: " + (", ".join(facts["members"]) or "none")]
        if "datasets" in facts:
            lines += ["", *_dataset_lines(facts["datasets"])]
            lines += [f"unreadable: {name}: {why}" for name, why in facts["unreadable"].items()]
        return Outcome("\n".join(lines), facts, timed=False)
    lines = [str(node.info)]
    if node.attrs:
        lines += ["", "Attributes", *(f"  {name}: {value}" for name, value in node.attrs.items())]
    lines += ["", "Readers", str(node.readers())]
    return Outcome("\n".join(lines), facts, timed=False)


def _facts(node: Array | Group) -> dict[str, Any]:
    if isinstance(node, Group):
        facts = {"kind": "group", "name": node.name, "attributes": node.attrs.asdict(), "members": list(node)}
        return facts | _facts_of_datasets(node) if isinstance(node.store, StorageFacts) else facts
    readers = [{"side": r.side, "program": r.program, "opens": r.opens, "note": r.note} for r in node.readers()]
    side = node.hdf5
    return {
        "kind": "array",
        "name": node.name,
        "url": node.store.url,
        "shape": list(node.shape),
        "data_type": node.metadata.data_type.name,
        **_grid(node),
        "nchunks": node.nchunks,
        "nshards": node.nshards,
        "nbytes": node.nbytes,
        "dimension_names": None if node.dimension_names is None else list(node.dimension_names),
        "codecs": list(node.codecs),
        "attributes": node.attrs.asdict(),
        "hdf5": None if side is None else {"dataset": side.dataset, "libver": side.libver},
        "readers": readers,
    }


def _grid(node: Array) -> dict[str, Any]:
    """Shapes of chunks and shards; of a rectilinear grid, edge lengths as in zarr.json."""
    listed = node.metadata.to_json()["chunk_grid"]["configuration"].get("chunk_shapes")
    if listed is None:
        return {"chunks": list(node.chunks), "shards": None if node.shards is None else list(node.shards)}
    sharded = node.nshards is not None
    return {"chunks": list(node.chunks) if sharded else listed, "shards": listed if sharded else None}


def _facts_of_datasets(group: Group) -> dict[str, Any]:
    """How every dataset of an HDF5 file is stored and read, and what cannot be."""
    datasets: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    groups = [("", group)]
    for path, node in groups:
        below = f"{path}/" if path else ""
        unreadable |= {below + name: why for name, why in node.unreadable().items()}
        for name, member in node.members():
            if isinstance(member, Group):
                groups.append((below + name, member))
            elif isinstance(member.store, StorageFacts):
                known = {"shape": list(member.shape), "data_type": member.metadata.data_type.name}
                datasets[below + name] = known | member.store.facts(member.path)
    return {"datasets": datasets, "unreadable": unreadable}


def _dataset_lines(datasets: dict[str, dict[str, Any]]) -> Iterator[str]:
    for path, facts in datasets.items():
        yield f"{path}  {facts['data_type']} {tuple(facts['shape'])}"
        yield from (f"    {what:<8}  {facts[what]}" for what in ("layout", "filters", "datatype", "read", "served"))


def _tree(options: argparse.Namespace) -> Outcome:
    node = open(options.url, path=options.path)
    if isinstance(node, Array):
        return Outcome(f"{node.name} {node.metadata.data_type.name} {node.shape}", _facts(node), timed=False)
    # Either way every node is opened; not twice.
    return Outcome("", _tree_facts(node), timed=False) if options.json else Outcome(str(node.tree()), {}, timed=False)


def _tree_facts(group: Group) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name in group:
        try:
            node = group[name]
            members[name] = _tree_facts(node) if isinstance(node, Group) else _facts(node)
        except ZarrHDF5Error as error:
            members[name] = {"kind": "unreadable", "reason": str(error)}
    return {"kind": "group", "name": group.name, "members": members}
