"""The public names and their parameters are those written down; a change must be meant.

To write them down anew: python tests/docs/test_public_names.py
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import zarr_hdf5 as zh
from zarr_hdf5.array.create import ArrayOptions

SNAPSHOT = Path(__file__).with_name("public_names.txt")


def public_names() -> Iterator[str]:
    for module in (zh, zh.errors):
        for name in sorted(module.__all__):
            yield from described(f"{module.__name__}.{name}", getattr(module, name))
    yield f"options of create_array: {', '.join(ArrayOptions.__annotations__)}"


def described(name: str, value: object) -> Iterator[str]:
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"{name}: class{f' ({bases})' if bases else ''}"
        members = {
            n: v for cls in value.__mro__ for n, v in vars(cls).items() if cls.__module__.startswith("zarr_hdf5")
        }
        for member in sorted(members):
            if not member.startswith("_") or member in ("__getitem__", "__setitem__", "__delitem__", "__contains__"):
                yield from described(f"{name}.{member}", members[member])
    elif inspect.isfunction(value):
        yield name + parameters(value)
    elif isinstance(value, classmethod | staticmethod):
        yield name + parameters(value.__func__)
    else:
        yield name


def parameters(function: object) -> str:
    """The signature without types, which Python's versions spell in different ways."""
    assert callable(function)
    signature = inspect.signature(function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def test_public_names() -> None:
    assert list(public_names()) == SNAPSHOT.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    SNAPSHOT.write_text("".join(f"{line}\n" for line in public_names()), encoding="utf-8")
