"""The XML annotation of one image, as PASCAL VOC defined it and ImageNet DET and VID extended it.

<annotation>
  <filename>000005</filename>
  <size><width>1280</width><height>720</height></size>
  <object>
    <trackid>0</trackid>                  (VID only)
    <name>n02084071</name>
    <bndbox><xmax>900</xmax><xmin>300</xmin><ymax>600</ymax><ymin>200</ymin></bndbox>
  </object>
</annotation>
"""

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from data_prep.tracks import SourceError


class PascalObject(NamedTuple):
    """One object of an image.

    Attributes:
      name: its class.
      corners: (xmin, ymin, xmax, ymax) in pixels as written, in the dataset's own convention; nan
        where the file has no number.
      track: its `trackid` within the video, or "" where the file gives none.
    """

    name: str
    corners: tuple[float, float, float, float]
    track: str


class PascalAnnotation(NamedTuple):
    """One XML file.

    Attributes:
      filename: the image's name as written, often without its ending; "" where there is none.
      size: (width, height) of the image in pixels, or None where the file tells no positive size.
      objects: the objects in the order of the file; none for an image without objects.
    """

    filename: str
    size: tuple[int, int] | None
    objects: tuple[PascalObject, ...]


def read_pascal_xml(path: Path) -> PascalAnnotation:
    """Read one annotation file.

    Raises:
      SourceError: it is missing, empty, not XML, or its root is not `annotation`.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except FileNotFoundError:
        raise SourceError(f"{path}: no such annotation; is the dataset complete?") from None
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise SourceError(f"{path}: not readable as XML ({error}); fetch it again") from None
    if root.tag != "annotation":
        raise SourceError(f"{path}: holds <{root.tag}>, not a PASCAL <annotation>")
    return PascalAnnotation(
        filename=_text(root, "filename"),
        size=_size(root),
        objects=tuple(map(_object, root.iterfind("object"))),
    )


def _object(element: ElementTree.Element) -> PascalObject:
    xmin, ymin, xmax, ymax = (
        _number(_text(element, f"bndbox/{corner}")) for corner in ("xmin", "ymin", "xmax", "ymax")
    )
    return PascalObject(
        name=_text(element, "name"),
        corners=(xmin, ymin, xmax, ymax),
        track=_text(element, "trackid"),
    )


def _size(root: ElementTree.Element) -> tuple[int, int] | None:
    width, height = (_number(_text(root, f"size/{side}")) for side in ("width", "height"))
    if 1 <= width < 2**31 and 1 <= height < 2**31:
        return int(width), int(height)
    return None


def _text(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
