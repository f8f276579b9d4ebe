"""Jobs for a zarr-python of any version: a program of its own, run by another interpreter, and a module too.

    python zarr_python_worker.py jobs.json answers.json

A job is {"pipeline": "" or the path of a codec pipeline, "read": path}, answered by the digest of the values or by
what went wrong; or {"pipeline": ..., "create": path, "document": {...}, "values": path of a .npy file}; or
{"pipeline": ..., "overwrite": path, "start": [...], "values": path of a .npy file}; answered by None or by
what went wrong.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.abc.codec import ArrayBytesCodec

Values = npt.NDArray[Any]
FUSED = "zarr.core.codec_pipeline.FusedCodecPipeline"


def digest(values: Values) -> str:
    """Of shape, type and every bit, whatever the byte order; of strings and bytes of any length, what they are."""
    if values.dtype.kind in "OT":
        return f"{values.shape} {hashlib.sha256(repr(values.tolist()).encode()).hexdigest()}"
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    text = f"{values.shape} {little.dtype.str} {hashlib.sha256(little.tobytes()).hexdigest()}"
    return text


def zarr_python_options(document: dict[str, Any]) -> dict[str, Any]:
    """What zarr.create_array takes, for an array whose zarr.json is to say as `document` does."""
    codecs = [zarr.registry.get_codec_class(codec["name"]).from_dict(codec) for codec in document["codecs"]]
    (serializer,) = (i for i, codec in enumerate(codecs) if isinstance(codec, ArrayBytesCodec))
    return {
        "shape": document["shape"],
        "dtype": document["data_type"],
        "chunks": chunks_of(document["chunk_grid"]["configuration"]),
        "filters": codecs[:serializer],
        "serializer": codecs[serializer],
        "compressors": codecs[serializer + 1 :],
    }


def chunks_of(configuration: dict[str, Any]) -> Any:
    """The chunk shape of a regular grid, or the edge lengths of a rectilinear one."""
    return configuration["chunk_shape"] if "chunk_shape" in configuration else configuration["chunk_shapes"]


def overwrite(path: str, start: list[int], values: Values) -> None:
    region = tuple(slice(i, i + n) for i, n in zip(start, values.shape, strict=True))
    zarr.open_array(path, mode="r+")[region] = values


def answer(job: dict[str, Any]) -> str | None:
    settings = {"codec_pipeline.path": job["pipeline"]} if job["pipeline"] else {}
    with zarr.config.set(settings):
        if "read" in job:
            array = zarr.open_array(job["read"], mode="r")
            pipeline = type(array.async_array.codec_pipeline).__name__
            if job["pipeline"] and pipeline != job["pipeline"].rsplit(".", 1)[-1]:
                return f"the pipeline is {pipeline}"
            return digest(np.asarray(array[...]))
        if "create" in job:
            array = zarr.create_array(job["create"], **zarr_python_options(job["document"]))
            array[...] = np.load(job["values"], allow_pickle=True)
        else:
            overwrite(job["overwrite"], job["start"], np.load(job["values"], allow_pickle=True))
    return None


def main(manifest: str, answers: str) -> None:
    done: list[str | None] = []
    for job in json.loads(Path(manifest).read_text()):
        try:
            done.append(answer(job))
        except Exception as error:  # whatever it is, it is the answer
            done.append(f"{type(error).__name__}: {error}")
    Path(answers).write_text(json.dumps(done))


if __name__ == "__main__":
    main(*sys.argv[1:])
