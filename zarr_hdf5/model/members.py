"""The JSON form of a model: where it comes from, and which members of it are compared."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from zarr_hdf5.errors import InvalidMetadataError

__all__ = ["ModelDump", "chosen", "json_of"]


class ModelDump(Protocol):
    """An object of pydantic, such as pydantic-zarr's `ArraySpec` and `GroupSpec`."""

    def model_dump(self, *, mode: Any) -> Any:
        """Its values; with mode "json", those of JSON."""
        ...


def json_of(value: Any) -> Any:
    """JSON values of a model, of an array or group (`to_model`), or of pydantic's objects; tuples become lists.

    Raises
    ------
    InvalidMetadataError
        If there are values in it that JSON does not have.
    """
    if hasattr(value, "to_model"):
        value = value.to_model()
    if hasattr(value, "to_json"):
        value = value.to_json()
    elif hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    try:
        return json.loads(json.dumps(value))
    except RecursionError:
        raise InvalidMetadataError("nested too deeply", "model") from None
    except (TypeError, ValueError) as error:
        raise InvalidMetadataError(f"not JSON: {error}", "model") from error


def chosen(
    document: Mapping[str, Any], include: Collection[str] | None, exclude: Collection[str] | None
) -> dict[str, str]:
    """The members that are to be compared, as text: in JSON, 1 is not 1.0, and NaN is NaN."""
    names = [name for name in document if (include is None or name in include) and name not in (exclude or ())]
    return {name: json.dumps(document[name], sort_keys=True) for name in names}
