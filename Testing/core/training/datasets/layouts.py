"""Tiny copies of the published layouts of data sets, as readers should find them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (6, 20, 24)


def ball() -> np.ndarray:
    """A ball of 1 in the middle of a volume."""
    k, j, i = np.indices(SHAPE)
    return (((k - 3) * 4) ** 2 + (j - 10) ** 2 + (i - 12) ** 2 < 40).astype(np.uint8)


def write(path: Path, array: np.ndarray) -> Path:
    """One file of any format, voxels of 1 x 1 x 4 mm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.0, 4.0))
    sitk.WriteImage(image, str(path))
    return path


def image(path: Path, seed: int = 0) -> None:
    """An image in which the ball is bright."""
    noise = np.random.default_rng(seed).normal(0, 10, SHAPE)
    write(path, (100 * ball() + noise).astype(np.int16))


def labelled(image_path: Path, label_path: Path, value: int = 1) -> None:
    """An image and its label map."""
    image(image_path)
    write(label_path, ball() * np.uint8(value))


def dicom(folder: Path, uid: str, suffix: str, noise: float) -> None:
    """A DICOM series; the same anatomy for every noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(int(noise))
    planes = (100 * ball() + rng.normal(0, noise, SHAPE)).astype(np.int16)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, plane in enumerate(planes):
        slice_image = sitk.GetImageFromArray(plane)
        tags = {
            "0008|0060": "CT",
            "0020|000d": "1.2.3",
            "0020|000e": uid,
            "0020|0013": str(number),
            "0008|0018": f"{uid}.{number}",
            "0020|0032": f"0\\0\\{4 * number}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            slice_image.SetMetaData(tag, value)
        # GDCM chooses its format by the ending; the archives' own ending comes afterwards.
        path = folder / f"{number:03d}.dcm"
        writer.SetFileName(str(path))
        writer.Execute(slice_image)
        path.rename(path.with_suffix(suffix))


def amos(root: Path) -> None:
    for part, names in (("Tr", ("0001", "0004", "0507")), ("Va", ("0008",))):
        for name in names:
            file = f"amos_{name}.nii.gz"
            labelled(root / f"amos22/images{part}" / file, root / f"amos22/labels{part}" / file, 6)
    image(root / "amos22/imagesTs/amos_0002.nii.gz")
    (root / "amos22/imagesTr/._amos_0001.nii.gz").write_bytes(b"left by macOS")


def word(root: Path) -> None:
    for part, name in (("Tr", "0002"), ("Val", "0001"), ("Ts", "0014")):
        file = f"word_{name}.nii.gz"
        labelled(root / f"images{part}" / file, root / f"labels{part}" / file, 16)


def btcv(root: Path) -> None:
    training = root / "RawData/Training"
    for name in ("0001", "0002"):
        labelled(training / f"img/img{name}.nii.gz", training / f"label/label{name}.nii.gz", 13)
    image(root / "RawData/Testing/img/img0061.nii.gz")


def microsegnet(root: Path) -> None:
    for split in ("train", "test"):
        folder = root / "Micro_Ultrasound_Prostate_Segmentation_Dataset" / split
        label = folder / f"expert_annotations/expert_annotation_{split}_01.nii.gz"
        labelled(folder / f"micro_ultrasound_scans/microUS_{split}_01.nii.gz", label)
        write(folder / f"non_expert_annotations/nonexpert_annotation_{split}_01.nii.gz", 0 * ball())


def promise12(root: Path) -> None:
    for part in ("training_data", "test_data"):
        labelled(root / part / "Case00.mhd", root / part / "Case00_segmentation.mhd")


def acdc(root: Path) -> None:
    for part, patient in (("training", "patient001"), ("testing", "patient101")):
        folder = root / "database" / part / patient
        for frame in ("01", "12"):
            labelled(
                folder / f"{patient}_frame{frame}.nii.gz", folder / f"{patient}_frame{frame}_gt.nii.gz", 3
            )
        image(folder / f"{patient}_4d.nii.gz")


def la(root: Path) -> None:
    for part, patient in (("Training Set", "0RZDK210BSMWAA6467LU"), ("Testing Set", "4URSJYI2QUH1T5S5PP47")):
        labelled(root / part / patient / "lgemri.nrrd", root / part / patient / "laendo.nrrd", 255)


def brats_gli(root: Path) -> None:
    for exam in ("BraTS-GLI-00000-000", "BraTS-GLI-00000-001", "BraTS-GLI-00001-000"):
        folder = root / "ASNR-MICCAI-BraTS2023-GLI-Challenge-TrainingData" / exam
        for seed, contrast in enumerate(("t1n", "t1c", "t2w", "t2f")):
            image(folder / f"{exam}-{contrast}.nii.gz", seed)
        if exam != "BraTS-GLI-00001-000":
            write(folder / f"{exam}-seg.nii.gz", 3 * ball())


def brats_local(root: Path) -> None:
    exam = "BraTS-GLI-00002-000"
    healthy, tumour = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    healthy[1:5, 2:8, 3:9], tumour[1:5, 10:16, 12:20] = 1, 1
    for name, mask in (("mask-healthy", healthy), ("mask-unhealthy", tumour), ("mask", healthy | tumour)):
        write(root / exam / f"{exam}-{name}.nii.gz", mask)
    for name in ("t1n", "t1n-voided"):
        image(root / exam / f"{exam}-{name}.nii.gz")
    unanswered = "BraTS-GLI-00003-000"  # as in the validation part
    image(root / unanswered / f"{unanswered}-t1n-voided.nii.gz")


def challenge(root: Path) -> None:
    """The AAPM challenge, as most people keep it."""
    dicom(root / "L067/full_3mm", "1.2.3.1", ".IMA", 2)
    dicom(root / "L067/quarter_3mm", "1.2.3.2", ".IMA", 20)


def challenge_by_dose(root: Path) -> None:
    """The AAPM challenge, as its archives unpack."""
    dicom(root / "3mm B30/full_3mm/L067/full_3mm", "1.2.3.1", ".IMA", 2)
    dicom(root / "3mm B30/quarter_3mm/L067/quarter_3mm", "1.2.3.2", ".IMA", 20)
    (root / "3mm B30/full_3mm.zip").write_bytes(b"")


def archive(root: Path) -> None:
    """The archive: one patient of a Siemens scanner, one of a GE scanner without low-dose images."""
    base = root / "LDCT-and-Projection-data"
    dicom(base / "L004/08-21-2018-84608/1.000000-Full Dose Images-59704", "1.2.3.1", ".dcm", 2)
    dicom(base / "L004/08-21-2018-84608/2.000000-Low Dose Images-21012", "1.2.3.2", ".dcm", 20)
    (base / "L004/08-21-2018-10971/1.000000-Full dose projections-24362").mkdir(parents=True)
    dicom(base / "L235/08-21-2018-11111/1.000000-Full Dose Images-22222", "1.2.3.3", ".dcm", 2)


def prepared_pairs(root: Path) -> None:
    image(root / "full/one.nii.gz", 0)
    image(root / "low/one.nii.gz", 1)
    (root / "full/readme.txt").write_text("no image")


def picture(path: Path, seed: int, offset: int = 0, kind: type = np.uint8) -> np.ndarray:
    """A picture with a bright ellipse, and where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    j, i = np.indices((40, 48))
    there = (j - 18 - seed % 3) ** 2 + ((i - 22) / 1.2) ** 2 < 90
    array = (90 + 80 * there + rng.normal(0, 6, there.shape) + offset).astype(kind)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    return there


def chest_defects(root: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for n in range(count):
            there = picture(root / split / "images" / f"x{n}.png", n)
            (root / split / "masks").mkdir(exist_ok=True)
            mask = sitk.GetImageFromArray(there.astype(np.uint8) * 255)
            sitk.WriteImage(mask, str(root / split / "masks" / f"x{n}.png"))


def deep_lesion(root: Path) -> None:
    """Three slices to train on, one with two lesions, a noisy one, two to test on, one not unpacked."""
    lines = ["File_name,Patient_index,Bounding_boxes,Possibly_noisy,Train_Val_Test"]
    for n, (noisy, split) in enumerate(((0, 1), (0, 1), (0, 2), (1, 1), (0, 3), (0, 3), (0, 1))):
        name = f"00000{n}_01_01"
        if n < 6:
            picture(root / "Images_png" / name / "109.png", n, 32768, np.uint16)
        lines.append(f'{name}_109.png,{n},"11.5, 8.2, 33.0, 28.9",{noisy},{split}')
        if n == 1:
            lines.append(f'{name}_109.png,{n},"40.0, 2.0, 44.0, 5.0",{noisy},{split}')
    (root / "DL_info.csv").write_text("\n".join(lines) + "\n")
