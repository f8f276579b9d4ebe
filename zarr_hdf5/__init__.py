"""Write once, both formats: Zarr v3 arrays whose shards are HDF5 files."""

from zarr_hdf5 import errors
from zarr_hdf5.api.convert import Conversion, convert
from zarr_hdf5.api.open import create_array, create_group, open, open_array, open_group
from zarr_hdf5.api.verify import Report, verify
from zarr_hdf5.array.array import Array
from zarr_hdf5.group import Group
from zarr_hdf5.shard.options import HDF5

__all__ = [
    "HDF5",
    "Array",
    "Conversion",
    "Group",
    "Report",
    "__version__",
    "convert",
    "create_array",
    "create_group",
    "errors",
    "open",
    "open_array",
    "open_group",
    "verify",
]

__version__ = "0.1.0"
