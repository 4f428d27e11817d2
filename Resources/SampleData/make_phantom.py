"""Makes the sample data that ship with the module: a generated volume and five labelled slices of it.

Run `python Resources/SampleData/make_phantom.py` after a change and put the checksums that it prints into
MVGLib/sampledata.py; it needs Pillow. Nothing in the volume comes from a patient.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from MVGCore.volume import Geometry, LabelMap, SegmentClass, Volume, write_segmentation, write_volume

FOLDER = Path(__file__).resolve().parents[2] / "MVGSlicerExtension" / "MVG" / "Resources" / "SampleData"
SHAPE = (64, 96, 96)
SPACING = (1.5, 1.5, 2.0)
SEED = 20240609
LABELLED = (8, 20, 32, 44, 56)
CLASSES = (
    SegmentClass(1, "organ", (0.86, 0.45, 0.30)),
    SegmentClass(2, "vessel", (0.25, 0.47, 0.85)),
    SegmentClass(3, "lesion", (0.35, 0.70, 0.40)),
)
# Intensities like those of a CT with contrast agent, in HU, by class; then what surrounds them.
LEVELS = {1: 120, 2: 260, 3: 55}
AIR, TISSUE, NOISE = -900, 40, 12


def make_labels() -> np.ndarray:
    """Returns the (K, J, I) truth: an organ that bends and tapers, a vessel that winds through, a lesion."""
    k, j, i = np.indices(SHAPE).astype(np.float32)
    height = k / (SHAPE[0] - 1)
    taper = np.sqrt(np.clip(1 - (2 * height - 1) ** 2, 0, None))
    centre_i, centre_j = 44 + 10 * np.sin(2.2 * height), 50 - 12 * height
    organ = ((i - centre_i) / 24) ** 2 + ((j - centre_j) / 17) ** 2 < taper**2
    vessel_i, vessel_j = 50 + 12 * np.cos(3 * height), 46 + 9 * np.sin(4 * height)
    vessel = (i - vessel_i) ** 2 + (j - vessel_j) ** 2 < (3.5 + 1.5 * height) ** 2
    lesion = ((k - 36) / 9) ** 2 + ((j - 44) / 7) ** 2 + ((i - 38) / 8) ** 2 < 1
    labels = np.zeros(SHAPE, np.uint8)
    labels[organ] = 1
    labels[lesion & organ] = 3
    labels[vessel] = 2
    return labels


def make_image(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the (K, J, I) intensities in HU: classes with soft edges in a body, a slow field and noise."""
    _, j, i = np.indices(SHAPE).astype(np.float32)
    body = ((i - 47.5) / 45) ** 2 + ((j - 47.5) / 40) ** 2 < 1
    image = np.where(body, TISSUE, AIR).astype(np.float32)
    for value, level in LEVELS.items():
        image[labels == value] = level
    image = ndimage.gaussian_filter(image, 0.8)
    texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.5)
    image += np.where(body, 25 * texture / texture.std() * 0.4, 0)
    return np.round(image + rng.normal(0, NOISE, SHAPE)).astype(np.int16)


def make() -> tuple[Volume, LabelMap]:
    """Returns the volume, and the label map in which only `LABELLED` is filled."""
    truth = make_labels()
    few = np.zeros_like(truth)
    few[list(LABELLED)] = truth[list(LABELLED)]
    geometry = Geometry.identity(SHAPE, SPACING)
    image = make_image(truth, np.random.default_rng(SEED))
    return Volume(image, geometry), LabelMap.of(few, geometry, CLASSES)


def picture(image: Volume, few: LabelMap) -> Image.Image:
    """Returns the thumbnail that Slicer's Sample Data module shows: a labelled slice in grey and colours."""
    index = LABELLED[2]
    grey = np.clip((image.array[index] + 150) / 500, 0, 1)
    pixels = np.repeat(255 * grey[..., None], 3, axis=2)
    for each in CLASSES:
        inside = few.array[index] == each.id
        pixels[inside] = 0.5 * pixels[inside] + 127.5 * np.asarray(each.color)
    return Image.fromarray(pixels.astype(np.uint8)).resize((264, 264), Image.Resampling.BICUBIC)


def main() -> None:
    image, few = make()
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_volume(FOLDER / "MVGPhantom.nrrd", image)
    write_segmentation(FOLDER / "MVGPhantomSlices.seg.nrrd", few)
    picture(image, few).save(FOLDER.parent / "Icons" / "MVGPhantom.png")
    for path in sorted(FOLDER.glob("*.nrrd")):
        print(f"{path.name}  SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
