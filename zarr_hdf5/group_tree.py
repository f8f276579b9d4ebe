"""A hierarchy drawn as a tree, as text and as HTML.

Knows names, labels and who is whose child. Does not know what a group or an array is.
"""

from dataclasses import dataclass
from html import escape

from zarr_hdf5.text import printable

__all__ = ["Tree", "TreeNode", "tree_html", "tree_text"]

OPEN_LEVELS = 2
"""Levels that are unfolded to begin with."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of a drawn tree.

    Attributes
    ----------
    name
        Shown first; for an inner node, the name below its parent.
    label
        Shown behind the name, such as "float32 (365, 180, 360)"; may be empty.
    children
        Drawn in this order.
    """

    name: str
    label: str
    children: tuple["TreeNode", ...]


class Tree:
    """A hierarchy drawn as a tree: text in a terminal, folding in a notebook."""

    def __init__(self, root: TreeNode) -> None:
        self.root = root

    def __repr__(self) -> str:
        return tree_text(self.root)

    def _repr_html_(self) -> str:
        return tree_html(self.root)


# Both loops keep their own stack: a hierarchy may be deeper than Python's.


def tree_text(node: TreeNode) -> str:
    """The tree with a line for each node, in box-drawing characters."""
    lines = []
    stack = [(node, "", "")]  # node, what stands before it, what stands before its children
    while stack:
        node, before, below = stack.pop()
        lines.append(before + printable(f"{node.name}  {node.label}" if node.label else node.name))
        inner = [(child, f"{below}├── ", f"{below}│   ") for child in node.children[:-1]]
        inner += [(child, f"{below}└── ", f"{below}    ") for child in node.children[-1:]]
        stack += reversed(inner)
    return "\n".join(lines)


def tree_html(node: TreeNode) -> str:
    """The tree as an HTML fragment whose inner nodes fold, without scripts; well-formed XML too."""
    parts: list[str] = []
    stack: list[tuple[TreeNode, int] | str] = [(node, 0)]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            parts.append(top)
            continue
        node, level = top
        if node.children:
            opened = ' open="open"' if level < OPEN_LEVELS else ""
            parts.append(f'<details{opened}><summary style="cursor:pointer">{_line(node)}</summary>')
            parts.append('<div style="margin-left:.4em;padding-left:1em;border-left:1px solid rgba(128,128,128,.4)">')
            stack.append("</div></details>")
            stack += [(child, level + 1) for child in reversed(node.children)]
        else:
            parts.append(f'<div style="padding-left:1em">{_line(node)}</div>')
    return f'<div style="font-family:monospace;line-height:1.6">{"".join(parts)}</div>'


def _line(node: TreeNode) -> str:
    label = f' <span style="opacity:.65">{_escaped(node.label)}</span>' if node.label else ""
    return f"<b>{_escaped(node.name)}</b>{label}"


def _escaped(text: str) -> str:
    return escape(printable(text))
