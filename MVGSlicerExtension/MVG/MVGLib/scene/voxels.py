"""Voxels of VTK images as arrays that share their memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from numpy.typing import DTypeLike, NDArray
from vtk.util import numpy_support

from MVGLib.scene.placement import Matrix, to_vtk


def array_of(image: Any) -> NDArray[Any]:
    """(K, J, I) or (K, J, I, C) view of a `vtkImageData`; what is written there is in the image.

    An image without voxels gives an array without voxels.
    """
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        return np.zeros((0, 0, 0), np.uint8)
    i, j, k = image.GetDimensions()
    components = scalars.GetNumberOfComponents()
    shape = (k, j, i) if components == 1 else (k, j, i, components)
    return numpy_support.vtk_to_numpy(scalars).reshape(shape)


def modified(image: Any) -> None:
    """Tell VTK and MRML that voxels were written."""
    image.GetPointData().GetScalars().Modified()
    image.Modified()


def allocate(image: Any, extent: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Give an image voxels, all 0, and their array.

    Args:
        image: `vtkImageData`.
        extent: First and last index of i, j and k.
        dtype: Any numeric type of numpy that VTK has.
    """
    image.SetExtent(*extent)
    image.AllocateScalars(numpy_support.get_vtk_array_type(np.dtype(dtype)), 1)
    image.GetPointData().GetScalars().Fill(0)
    return array_of(image)


def new_label_image(extent: tuple[int, ...], to_local: Matrix, dtype: DTypeLike = np.uint8) -> Any:
    """A `vtkOrientedImageData` of zeros whose voxel (i, j, k, 1) lies at `to_local` times that vector."""
    image = slicer.vtkOrientedImageData()
    image.SetImageToWorldMatrix(to_vtk(to_local))
    allocate(image, extent, dtype)
    return image
