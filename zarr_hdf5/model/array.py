"""ZEP 6, "A Zarr Object Model": arrays.

https://github.com/zarr-developers/zeps/blob/main/draft/ZEP0006.md

In JSON, the members that the Zarr v3 core specification defines for an array's document, all of them but
`dimension_names`, which is left out where there are none: what pydantic-zarr's `ArraySpec` takes and gives.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zarr_hdf5.codecs.protocol import ChunkSpec
from zarr_hdf5.codecs.registry import parse_chain
from zarr_hdf5.errors import InvalidMetadataError, Problem, UnsupportedFeatureError
from zarr_hdf5.metadata.array import ArrayMetadata, parse_array_metadata
from zarr_hdf5.metadata.problems import raise_problems
from zarr_hdf5.model.members import chosen, json_of
from zarr_hdf5.named_configuration import NamedConfiguration

__all__ = ["ArrayModel", "parse_array"]


@dataclass(frozen=True, slots=True)
class ArrayModel:
    """What an array is.

    Attributes
    ----------
    metadata
        As in its `zarr.json`, but for extra members, such as those that say how its shards are HDF5 files.
    """

    metadata: ArrayMetadata

    @classmethod
    def of(cls, metadata: ArrayMetadata) -> "ArrayModel":
        """The model of the array that has these metadata."""
        return cls(replace(metadata, extra={}))

    @classmethod
    def parse(cls, document: object) -> "ArrayModel":
        """From JSON values. Raises InvalidMetadataError, UnsupportedFeatureError, with all problems."""
        problems: list[Problem] = []
        model = parse_array(json_of(document), problems)
        raise_problems(problems, "model")
        assert model is not None
        return model

    @property
    def attributes(self) -> Mapping[str, Any]:
        """User attributes."""
        return self.metadata.attributes

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for `json.dumps`, pydantic-zarr's `ArraySpec.model_validate` and `zarr_hdf5.from_model`."""
        return {"storage_transformers": [], **self.metadata.to_json()}

    def like(
        self, other: Any, *, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> bool:
        """Whether another array is the same, its elements apart.

        Parameters
        ----------
        other
            A model, its JSON values, an array or a group, or an object of pydantic-zarr.
        include, exclude
            Members of the JSON form that alone are compared; that are not.
        """
        theirs = json_of(other)
        if not isinstance(theirs, Mapping) or theirs.get("node_type") != "array":
            return False
        both = (_resolved(model.metadata) for model in (self, ArrayModel.parse(theirs)))
        ours, others = (chosen(ArrayModel(metadata).to_json(), include, exclude) for metadata in both)
        return ours == others


def _resolved(metadata: ArrayMetadata) -> ArrayMetadata:
    """With every codec's configuration complete, however short it was written; as it is where codecs are unknown."""
    named = [(codec.name, codec.configuration) for codec in metadata.codecs]
    try:
        codecs = parse_chain(named, ("codecs",), [])
        if codecs is None:
            return metadata
        spec = ChunkSpec(metadata.chunk_shape, metadata.data_type.dtype, metadata.fill_value)
        documents = codecs.prepare(spec).chain.to_json()
    except (InvalidMetadataError, UnsupportedFeatureError):
        return metadata
    return replace(metadata, codecs=tuple(NamedConfiguration(one["name"], one["configuration"]) for one in documents))


def parse_array(document: object, problems: list[Problem]) -> ArrayModel | None:
    """From JSON values; faults are appended to `problems`, with their places, then the result is None."""
    metadata = parse_array_metadata(document, problems)
    return None if metadata is None else ArrayModel.of(metadata)
