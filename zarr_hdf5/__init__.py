"""Write once, both formats: Zarr v3 arrays whose shards are HDF5 files."""

import importlib
from typing import TYPE_CHECKING

from zarr_hdf5 import errors
from zarr_hdf5.api.open import create_array, create_group, open, open_array, open_group
from zarr_hdf5.array.array import Array
from zarr_hdf5.group import Group
from zarr_hdf5.model.array import ArrayModel
from zarr_hdf5.model.group import GroupModel
from zarr_hdf5.shard.options import HDF5

if TYPE_CHECKING:
    from zarr_hdf5.api.convert import Conversion, convert
    from zarr_hdf5.api.copy import copy
    from zarr_hdf5.api.from_model import from_model
    from zarr_hdf5.api.link import Link, link
    from zarr_hdf5.api.migrate_v2 import Migration, migrate_v2
    from zarr_hdf5.api.sync import compact, sync
    from zarr_hdf5.api.verify import Report, verify

__all__ = [
    "HDF5",
    "Array",
    "ArrayModel",
    "Conversion",
    "Group",
    "GroupModel",
    "Link",
    "Migration",
    "Report",
    "__version__",
    "compact",
    "convert",
    "copy",
    "create_array",
    "create_group",
    "errors",
    "from_model",
    "link",
    "migrate_v2",
    "open",
    "open_array",
    "open_group",
    "sync",
    "verify",
]

__version__ = "0.1.0"

_RARE = {
    "Conversion": "zarr_hdf5.api.convert",
    "convert": "zarr_hdf5.api.convert",
    "copy": "zarr_hdf5.api.copy",
    "from_model": "zarr_hdf5.api.from_model",
    "Link": "zarr_hdf5.api.link",
    "link": "zarr_hdf5.api.link",
    "Migration": "zarr_hdf5.api.migrate_v2",
    "migrate_v2": "zarr_hdf5.api.migrate_v2",
    "Report": "zarr_hdf5.api.verify",
    "verify": "zarr_hdf5.api.verify",
    "compact": "zarr_hdf5.api.sync",
    "sync": "zarr_hdf5.api.sync",
}
"""What not every program needs, and where it is: imported when it is first asked for (PEP 562)."""


def __getattr__(name: str) -> object:
    if name not in _RARE:
        raise AttributeError(f"module 'zarr_hdf5' has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_RARE[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
