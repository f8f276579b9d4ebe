import sys
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zarr_hdf5.group_tree import TreeNode, tree_html, tree_text


def leaf(name: str, label: str = "") -> TreeNode:
    return TreeNode(name, label, ())


TREE = TreeNode(
    "/",
    "",
    (
        TreeNode("air", "", (leaf("t", "float32 (365, 180, 360)"), TreeNode("deep", "", (leaf("x", "bool ()"),)))),
        leaf("lat", "float32 (180,)"),
        TreeNode("last", "", (leaf("y"),)),
    ),
)
DRAWN = """\
/
├── air
│   ├── t  float32 (365, 180, 360)
│   └── deep
│       └── x  bool ()
├── lat  float32 (180,)
└── last
    └── y"""


@pytest.mark.parametrize(("node", "text"), [(TREE, DRAWN), (leaf("/"), "/"), (leaf("x", "bool ()"), "x  bool ()")])
def test_text(node: TreeNode, text: str) -> None:
    assert tree_text(node) == text


def nested(node: TreeNode) -> object:
    """What a reader of the HTML is to see: names with labels, inner nodes with what they hold."""
    line = f"{node.name} {node.label}" if node.label else node.name
    return (line, [nested(child) for child in node.children]) if node.children else line


def seen(element: ElementTree.Element) -> object:
    if element.tag != "details":
        return "".join(element.itertext())
    summary, inner = element
    return "".join(summary.itertext()), [seen(child) for child in inner]


NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
TREES = st.recursive(
    st.builds(leaf, NAMES, NAMES | st.just("")),
    lambda inner: st.builds(TreeNode, NAMES, st.just(""), st.lists(inner, max_size=4).map(tuple)),
)


@given(TREES)
def test_html_nests_as_the_tree_does(tree: TreeNode) -> None:
    (top,) = ElementTree.fromstring(tree_html(tree))
    assert seen(top) == nested(tree)


@given(TREES)
def test_text_has_a_line_for_each_node(tree: TreeNode) -> None:
    def preorder(node: TreeNode, depth: int) -> list[tuple[int, str]]:
        line = f"{node.name}  {node.label}" if node.label else node.name
        return [(4 * depth, line), *(pair for child in node.children for pair in preorder(child, depth + 1))]

    drawn = tree_text(tree).split("\n")
    expected = preorder(tree, 0)
    assert len(drawn) == len(expected)
    for line, (indent, text) in zip(drawn, expected, strict=True):
        assert line[indent:] == text
        assert set(line[:indent]) <= set("├│└─ ")


def test_deep_levels_are_folded() -> None:
    root = ElementTree.fromstring(tree_html(TreeNode("/", "", (TreeNode("a", "", (TREE,)),))))
    assert [d.get("open") for d in root.iter("details")] == ["open", "open", None, None, None, None]


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a & b", '"</details>', "\x00\x1b[2J\n", "\udcff"])
def test_hostile_names(hostile: str) -> None:
    shown = hostile if hostile.isprintable() else hostile.encode("unicode_escape").decode()
    tree = TreeNode(hostile, "", (leaf(hostile, hostile),))
    (top,) = ElementTree.fromstring(tree_html(tree).encode())
    assert seen(top) == (shown, [f"{shown} {shown}"])
    assert tree_text(tree) == f"{shown}\n└── {shown}  {shown}"


def test_deeper_than_the_stack() -> None:
    tree, depth = leaf("end"), sys.getrecursionlimit() + 100
    for _ in range(depth):
        tree = TreeNode("g", "", (tree,))
    assert tree_text(tree).count("\n") == depth
    assert tree_html(tree).count("<details") == tree_html(tree).count("</details>") == depth
