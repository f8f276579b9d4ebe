"""A plain web server cannot list, but a group with consolidated metadata can."""

import uuid

import numpy as np
import pytest
from web_server import WebServer

import zarr_hdf5 as zh
from zarr_hdf5.errors import ZarrHDF5Error


def test_a_hierarchy_on_a_plain_web_server(nginx: WebServer) -> None:
    name = f"{uuid.uuid4()}.zarr"
    root = zh.create_group(nginx.root / name)
    made = root.create_hierarchy({f"g/a{i}": {"shape": (3,), "dtype": "i4"} for i in range(20)})
    for i, array in enumerate(made.values()):
        assert isinstance(array, zh.Array)
        array[...] = i
    url = f"{nginx.url}/{name}"
    with pytest.raises(ZarrHDF5Error):
        zh.open_group(url).keys()
    root.consolidate_metadata()
    opened: list[zh.Group] = []
    requests = nginx.during(lambda: opened.append(zh.open_group(url)))
    assert [r.path for r in requests if r.path.endswith("zarr.json")] == [f"/{name}/zarr.json"]
    (group,) = opened
    members = dict(group.members(None))
    assert len(members) == 21
    assert nginx.during(lambda: [*group.members(None), *group.glob("g/a?"), group.tree(), group.to_model()]) == []
    seven = members["g/a7"]
    assert isinstance(seven, zh.Array)
    assert np.asarray(seven).tolist() == [7, 7, 7]
