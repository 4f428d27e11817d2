"""Codes of what a segment shows: between DICOM's items and the text in which 3D Slicer keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CONTEXT = "Segmentation category and type - DICOM master list"
_REGIONS = "Anatomic codes - DICOM master list"


@dataclass(frozen=True)
class Code:
    """A coded concept: who gave the code, the code, and what it means in words."""

    scheme: str
    value: str
    meaning: str

    @property
    def text(self) -> str:
        """As 3D Slicer writes it."""
        return "^".join(part.replace("^", " ").replace("~", " ") for part in self._parts)

    @property
    def _parts(self) -> tuple[str, str, str]:
        return self.scheme, self.value, self.meaning


@dataclass(frozen=True)
class Terms:
    """What a segment shows.

    Attributes:
        category: The kind of thing, e.g. an anatomical structure.
        type: The thing, e.g. the kidney.
        modifier: Which of them, e.g. the left one.
        region: The anatomic region that it lies in.
        region_modifier: Which of these.
    """

    category: Code
    type: Code
    modifier: Code | None = None
    region: Code | None = None
    region_modifier: Code | None = None

    @property
    def text(self) -> str:
        """3D Slicer's terminology entry."""
        kinds = [_written(each) for each in (self.category, self.type, self.modifier)]
        regions = [_written(each) for each in (self.region, self.region_modifier)]
        return "~".join([_CONTEXT, *kinds, _REGIONS, *regions])

    @classmethod
    def of_text(cls, text: str) -> Terms | None:
        """From 3D Slicer's terminology entry; None if it has no category and type."""
        parts = [*text.split("~"), *[""] * 7][:7]
        category, kind, modifier, _, region, region_modifier = (_read(part) for part in parts[1:])
        if category is None or kind is None:
            return None
        return cls(category, kind, modifier, region, region_modifier)

    @classmethod
    def of_segment(cls, item: Dataset) -> Terms | None:
        """From an item of a SegmentSequence; None if it has no category and type."""
        category, _ = _first(item, "SegmentedPropertyCategoryCodeSequence", "")
        kind, modifier = _first(
            item, "SegmentedPropertyTypeCodeSequence", "SegmentedPropertyTypeModifierCodeSequence"
        )
        region, region_modifier = _first(item, "AnatomicRegionSequence", "AnatomicRegionModifierSequence")
        if category is None or kind is None:
            return None
        return cls(category, kind, modifier, region, region_modifier)

    @classmethod
    def of_structure(cls, item: Dataset) -> Terms | None:
        """From the code of a structure of a structure set, which has a type only; None if it is empty."""
        kind = _code(item)
        return None if kind is None else cls(STRUCTURE, kind)


TISSUE = Code("SCT", "85756007", "Tissue")
STRUCTURE = Code("SCT", "123037004", "Anatomical Structure")


def terms_of(terminology: str, name: str) -> Terms:
    """What a class shows: as 3D Slicer says, else the structure that its name means, else some tissue."""
    known = Terms.of_text(terminology)
    if known is not None:
        return known
    named = _structure(name)
    return Terms(TISSUE, TISSUE) if named is None else Terms(STRUCTURE, named)


def _structure(name: str) -> Code | None:
    """The anatomical structure that DICOM's list of segmented ones has under a name."""
    from pydicom.sr.codedict import codes

    plain = "".join(each for each in name.lower() if each.isalnum())
    for keyword in codes.CID7166.dir() + codes.CID7192.dir():
        if keyword.lower() == plain:
            code = getattr(codes.SCT, keyword)
            return Code("SCT", code.value, code.meaning)
    return None


def _first(item: Dataset, sequence: str, modifiers: str) -> tuple[Code | None, Code | None]:
    items = item.get(sequence)
    if not items:
        return None, None
    more = items[0].get(modifiers) if modifiers else None
    return _code(items[0]), _code(more[0]) if more else None


def _code(item: Any) -> Code | None:
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    scheme = item.get("CodingSchemeDesignator")
    return Code(str(scheme), str(value), str(item.get("CodeMeaning", ""))) if value and scheme else None


def _written(code: Code | None) -> str:
    return "^^" if code is None else code.text


def _read(text: str) -> Code | None:
    scheme, value, meaning = [*text.split("^"), "", "", ""][:3]
    return Code(scheme, value, meaning) if scheme and value else None
