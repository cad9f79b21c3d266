"""XMP packets as trees of the DOM: reading, searching, changing and writing them.

Packets are XML from unknown sources, so defusedxml parses them. Trees of the DOM keep the prefixes
of names as they are.
"""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from xml.dom import minidom
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape, quoteattr

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
EXIF = "http://ns.adobe.com/exif/1.0/"
META = "adobe:ns:meta/"
# A packet without properties.
EMPTY = f'<x:xmpmeta xmlns:x="{META}"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()

# Larger packets, the undo histories of some programs, are left out: a tree of one takes twenty
# times its memory.
MAX_PACKET = 4 << 20
MAX_DEPTH = 100

Name = tuple[str | None, str]  # namespace and local name


def parse(packet: bytes) -> minidom.Element:
    """Read a packet.

    Args:
        packet: XML, with or without the wrapper ``<?xpacket?>``.

    Returns:
        The root element.

    Raises:
        ValueError: it is too long, nested too deeply, or not an XMP packet.
    """
    from defusedxml import minidom as defused

    if len(packet) > MAX_PACKET:
        raise ValueError(f"{len(packet):,} bytes, more than {MAX_PACKET:,}")
    if not packet.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        packet = packet.strip(b"\0 \t\r\n")  # files pad packets
    try:
        # The errors of defusedxml itself are ValueErrors.
        document = defused.parseString(packet, forbid_dtd=True)
    except (ExpatError, LookupError) as error:
        raise ValueError(f"not XML: {error}") from error
    root: minidom.Element = document.documentElement
    level = [root]
    for _ in range(MAX_DEPTH):
        level = [child for element in level for child in children_of(element)]
    if level:
        raise ValueError(f"more than {MAX_DEPTH} levels of XML")
    rdf_of(root)
    return root


def packed(root: minidom.Element) -> bytes:
    """Write a packet.

    Args:
        root: of the tree.

    Returns:
        XML in UTF-8 with the wrapper ``<?xpacket?>``.
    """
    body = "".join(_written(root))
    head = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    return f'{head}{body}\n<?xpacket end="w"?>'.encode()


def name_of(node: minidom.Element | minidom.Attr) -> Name:
    """Return namespace and local name of an element or attribute."""
    return node.namespaceURI, node.localName or ""


def attributes_of(element: minidom.Element) -> list[minidom.Attr]:
    """List the attributes of an element, with the declarations of prefixes."""
    return [node for node in element.attributes.values() if isinstance(node, minidom.Attr)]


def children_of(element: minidom.Element) -> list[minidom.Element]:
    """List the child elements of an element."""
    return [child for child in element.childNodes if isinstance(child, minidom.Element)]


def elements(root: minidom.Element) -> Iterator[minidom.Element]:
    """Yield every element, parents first."""
    stack = [root]
    while stack:
        element = stack.pop()
        yield element
        stack += children_of(element)


def is_declaration(attribute: minidom.Attr) -> bool:
    """Tell whether an attribute declares a prefix."""
    return attribute.name.split(":")[0] == "xmlns"


def rdf_of(root: minidom.Element) -> minidom.Element:
    """Return the element ``rdf:RDF`` of a tree.

    Args:
        root: of the tree.

    Returns:
        The element.

    Raises:
        ValueError: there is none.
    """
    for element in elements(root):
        if name_of(element) == (RDF, "RDF"):
            return element
    raise ValueError("no RDF in it")


def text_of(element: minidom.Element) -> str:
    """Return the text directly inside an element, without space around it."""
    texts = [node.data for node in element.childNodes if isinstance(node, minidom.Text)]
    return "".join(texts).strip()


def values(root: minidom.Element, name: Name) -> list[str]:
    """List the values of a simple property, at any depth, as elements or as attributes.

    Args:
        root: of the tree.
        name: of the property.

    Returns:
        The values.
    """
    found = []
    for element in elements(root):
        found += [node.value for node in attributes_of(element) if name_of(node) == name]
        if name_of(element) == name:
            found.append(text_of(element))
    return found


def properties(root: minidom.Element) -> dict[Name, str]:
    """Read the properties of the photo itself, without those inside structures.

    Args:
        root: of the tree.

    Returns:
        The text of each, empty for a structure or list.
    """
    found: dict[Name, str] = {}
    for description in children_of(rdf_of(root)):
        for node in attributes_of(description):
            if not is_declaration(node) and node.namespaceURI != RDF:
                found[name_of(node)] = node.value
        found |= {name_of(child): text_of(child) for child in children_of(description)}
    return found


def remove(root: minidom.Element, wrong: Callable[[Name], bool]) -> list[minidom.Element]:
    """Remove properties at any depth, be they written as elements or as attributes.

    Args:
        root: of the tree.
        wrong: tells by its name whether a property goes.

    Returns:
        The elements that lost one.

    Raises:
        ValueError: nothing is left, as all properties stood inside a wrong one.
    """
    changed = [element for element in elements(root) if _remove_from(element, wrong)]
    rdf_of(root)
    return changed


def remove_properties(root: minidom.Element, names: Collection[Name]) -> None:
    """Remove properties of the photo itself, and descriptions that have none left.

    Args:
        root: of the tree.
        names: of the properties.
    """
    descriptions = children_of(rdf_of(root))
    prune([element for element in descriptions if _remove_from(element, lambda n: n in names)])


def prune(changed: Sequence[minidom.Element]) -> None:
    """Remove descriptions without properties.

    Args:
        changed: elements that lost properties; those inside descriptions stay.
    """
    for element in changed:
        parent = element.parentNode
        if not isinstance(parent, minidom.Element) or name_of(parent) != (RDF, "RDF"):
            continue
        nodes = [node for node in attributes_of(element) if not is_declaration(node)]
        if all(node.namespaceURI == RDF for node in nodes) and not children_of(element):
            parent.removeChild(element)


def about_of(root: minidom.Element) -> str:
    """Return what the descriptions of a packet are about: one name for all of them, often none."""
    nodes = [node for child in children_of(rdf_of(root)) for node in attributes_of(child)]
    return next((node.value for node in nodes if name_of(node) == (RDF, "about")), "")


def add_description(
    root: minidom.Element, attributes: Mapping[str, str], inside: Sequence[minidom.Element] = ()
) -> None:
    """Add a description, about the same thing as all others.

    Args:
        root: of the tree.
        attributes: simple properties and the declarations of all prefixes but ``rdf``.
        inside: structures and lists, made by :func:`new_element`.
    """
    head = {"xmlns:rdf": RDF, "rdf:about": about_of(root)}
    rdf_of(root).appendChild(new_element("rdf:Description", {**head, **attributes}, inside))


def new_element(
    name: str,
    attributes: Mapping[str, str] | None = None,
    inside: Sequence[minidom.Element] | str = (),
) -> minidom.Element:
    """Make an element to be written; its namespace is known once the packet is read again.

    Args:
        name: with its prefix.
        attributes: by name with prefix.
        inside: child elements, or text.

    Returns:
        The element.
    """
    prefix, _, local = name.partition(":")
    element = minidom.Element(name, RDF if prefix == "rdf" else None, prefix, local)
    element.ownerDocument = None
    for key, value in (attributes or {}).items():
        element.setAttribute(key, value)
    if isinstance(inside, str):
        set_text(element, inside)
    else:
        element.childNodes[:] = inside
    return element


def set_text(element: minidom.Element, value: str) -> None:
    """Replace what is inside an element by text.

    Args:
        element: of a simple property.
        value: the text.
    """
    text = minidom.Text()
    text.data = value
    element.childNodes[:] = [text]


def _remove_from(element: minidom.Element, wrong: Callable[[Name], bool]) -> bool:
    before = len(element.attributes), len(element.childNodes)
    for attribute in attributes_of(element):
        if not is_declaration(attribute) and wrong(name_of(attribute)):
            element.removeAttributeNode(attribute)
    for child in children_of(element):
        if wrong(name_of(child)):
            element.removeChild(child)
    return before != (len(element.attributes), len(element.childNodes))


def _written(root: minidom.Element) -> Iterator[str]:
    """Write a tree; minidom itself loses line ends in attributes before Python 3.13."""
    stack: list[minidom.Node | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, minidom.Text):
            yield escape(node.data, {"\r": "&#13;"})
        elif isinstance(node, minidom.Element):
            yield f"<{node.tagName}"
            for name, value in node.attributes.items():
                yield f" {name}={quoteattr(value)}"
            if node.childNodes:
                yield ">"
                stack.append(f"</{node.tagName}>")
                stack += reversed(node.childNodes)
            else:
                yield "/>"
