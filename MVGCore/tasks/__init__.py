"""Tasks: what is asked by example.

Each turns its answers into colours and back; the networks see only colours.
"""

from __future__ import annotations

from MVGCore.tasks.image import IMAGE_TASKS, ImageTask, image_target
from MVGCore.tasks.segmentation import SegmentationLoss, SegmentationTask
from MVGCore.tasks.task import Task

__all__ = ["IMAGE_TASKS", "ImageTask", "SegmentationLoss", "SegmentationTask", "Task", "image_target"]
