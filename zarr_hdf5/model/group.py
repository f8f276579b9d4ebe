"""ZEP 6, "A Zarr Object Model": groups, and so whole hierarchies.

https://github.com/zarr-developers/zeps/blob/main/draft/ZEP0006.md

In JSON, the members that the Zarr v3 core specification defines for a group's document, and `members`, by name: what
pydantic-zarr's `GroupSpec` takes and gives.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from zarr_hdf5.errors import InvalidMetadataError, Problem
from zarr_hdf5.hierarchy import Metadata
from zarr_hdf5.metadata.array import ArrayMetadata
from zarr_hdf5.metadata.group import GroupMetadata, parse_group_metadata
from zarr_hdf5.metadata.node import is_node_name
from zarr_hdf5.metadata.problems import raise_problems
from zarr_hdf5.model.array import ArrayModel, parse_array
from zarr_hdf5.model.members import chosen, json_of

__all__ = ["GroupModel", "Model", "parse_model"]

Model = Union[ArrayModel, "GroupModel"]


@dataclass(frozen=True, slots=True)
class GroupModel:
    """What a group is, and what it holds.

    Attributes
    ----------
    attributes
        User attributes.
    members
        By name; None where it was not looked for members.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Model] | None = field(default_factory=dict)

    @classmethod
    def of(cls, nodes: Mapping[str, Metadata], unknown: Collection[str] = ()) -> "GroupModel":
        """The model of a hierarchy.

        Parameters
        ----------
        nodes
            By path; "" is the group itself, and all groups between are there.
        unknown
            Paths of groups that were not looked into.
        """
        made: dict[str, Model] = {}
        members: dict[str, dict[str, Model]] = {}
        for path in sorted(nodes, key=lambda path: path.count("/") + bool(path), reverse=True):
            node = nodes[path]
            if isinstance(node, ArrayMetadata):
                made[path] = ArrayModel.of(node)
            else:
                made[path] = cls(node.attributes, None if path in unknown else members.get(path, {}))
            parent, _, name = path.rpartition("/")
            if path:
                members.setdefault(parent, {})[name] = made[path]
        root = made[""]
        assert isinstance(root, cls)
        return root

    @classmethod
    def parse(cls, document: object) -> "GroupModel":
        """From JSON values. Raises InvalidMetadataError, UnsupportedFeatureError, with all problems."""
        model = parse_model(document)
        if not isinstance(model, cls):
            raise InvalidMetadataError([Problem(("node_type",), 'expected "group"')], "model")
        return model

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for `json.dumps`, pydantic-zarr's `GroupSpec.model_validate` and `zarr_hdf5.from_model`."""
        below = None if self.members is None else {name: model.to_json() for name, model in self.members.items()}
        return {**self._alone(), "members": below}

    def nodes(self) -> Iterator[tuple[str, Metadata]]:
        """Paths and metadata of the group, which has the path "", and of all nodes below it."""
        todo: list[tuple[str, Model]] = [("", self)]
        while todo:
            path, model = todo.pop()
            if isinstance(model, ArrayModel):
                yield path, model.metadata
                continue
            yield path, GroupMetadata(dict(model.attributes))
            start = f"{path}/" if path else ""
            todo += [(start + name, member) for name, member in reversed([*(model.members or {}).items()])]

    def like(
        self, other: Any, *, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> bool:
        """Whether another hierarchy is the same, elements apart. Parameters as of `ArrayModel.like`.

        `include` and `exclude` hold for every node; so members are compared if they are included, each by what else is.
        """
        theirs = json_of(other)
        if not isinstance(theirs, Mapping) or theirs.get("node_type") != "group":
            return False
        model = GroupModel.parse(theirs)
        ours, others = (chosen({**m._alone(), "members": None}, include, exclude) for m in (self, model))
        if ours != others:
            return False
        if "members" not in ours:
            return True
        if self.members is None or model.members is None:
            return self.members is model.members
        return self.members.keys() == model.members.keys() and all(
            member.like(model.members[name], include=include, exclude=exclude) for name, member in self.members.items()
        )

    def _alone(self) -> dict[str, Any]:
        return GroupMetadata(self.attributes).to_json()


def parse_model(document: object) -> Model:
    """From JSON values. Raises InvalidMetadataError, UnsupportedFeatureError, with all problems and their places."""
    problems: list[Problem] = []
    try:
        model = _parse(json_of(document), problems)
    except RecursionError:
        raise InvalidMetadataError("groups are nested too deeply", "model") from None
    raise_problems(problems, "model")
    assert model is not None
    return model


def _parse(document: object, problems: list[Problem]) -> Model | None:
    if isinstance(document, Mapping) and document.get("node_type") == "array":
        return parse_array(document, problems)
    bare = {k: v for k, v in document.items() if k != "members"} if isinstance(document, Mapping) else document
    group = parse_group_metadata(bare, problems)
    members = document.get("members", {}) if isinstance(document, Mapping) else {}
    if members is not None and not isinstance(members, Mapping):
        problems.append(Problem(("members",), "expected an object or null", "type"))
        return None
    found: dict[str, Model] = {}
    for name, member in (members or {}).items():
        below: list[Problem] = []
        model = _parse(member, below)
        if not isinstance(name, str) or not is_node_name(name):
            below.append(Problem((), f"{name!r} is not a legal node name"))
        problems += [Problem(("members", name, *one.path), one.message, one.kind) for one in below]
        if model is not None:
            found[name] = model
    return None if group is None else GroupModel(group.attributes, None if members is None else found)
