"""What was not scanned takes no part in a registration."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from MVGCore.datasets.atlas.registration import Registered, affine, likeness
from MVGCore.datasets.atlas.scan import Scan, scanned_in_both
from MVGCore.volume import Geometry, Volume

SHAPE = (24, 40, 36)
SHOWN = (slice(4, 18), slice(12, 30), slice(10, 28))


def texture(shift: tuple[int, int, int] = (0, 0, 0)) -> NDArray[np.float32]:
    """Smooth, and the same everywhere else where it is shifted."""
    noise = np.random.default_rng(3).standard_normal((40, 60, 60))
    smooth = ndimage.gaussian_filter(noise, 4.0)
    k, j, i = (10 - each for each in shift)
    return (100 + 1500 * smooth[k : k + 24, j : j + 40, i : i + 36]).astype(np.float32)


def volume(array: NDArray[np.float32]) -> Volume:
    return Volume(array, Geometry(SHAPE, (1.0, 1.0, 1.5)))


def seen_through_a_window(array: NDArray[np.float32], blank: float = -1000.0) -> NDArray[np.float32]:
    shown = np.full_like(array, blank)
    shown[SHOWN] = array[SHOWN]
    return shown


def test_the_filling_around_a_scan_is_found_whatever_its_value() -> None:
    for blank in (-3024.0, 0.0):
        scan = Scan.of(volume(seen_through_a_window(texture() + 500, blank)))
        assert scan.scanned is not None
        found = sitk.GetArrayFromImage(scan.scanned)
        assert found.sum() == 14 * 18 * 18
    shown = sitk.GetArrayFromImage(scan.image)[found > 0]
    assert shown.min() == pytest.approx(0, abs=0.02) and shown.max() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "array", [texture(), (texture() > 100).astype(np.float32)], ids=["everywhere", "of two values"]
)
def test_a_volume_without_filling_was_scanned_everywhere(array: NDArray[np.float32]) -> None:
    scan = Scan.of(volume(array))
    assert scan.scanned is None and scanned_in_both(scan, scan) is None


def test_what_lies_beyond_a_volume_was_not_scanned() -> None:
    scan = Scan.of(volume(seen_through_a_window(texture())))
    there = scan.on(scan, sitk.TranslationTransform(3, (8.0, 0.0, 0.0)))
    both = scanned_in_both(scan, there)
    assert both is not None and both.sum() == 14 * 18 * 10


def test_a_window_on_the_body_is_placed_by_what_it_shows() -> None:
    fixed, moving = (Scan.of(volume(seen_through_a_window(texture(by)))) for by in ((0, 0, 0), (0, 5, 0)))
    by_content, by_borders = affine(fixed, moving), affine(Scan(fixed.image), Scan(moving.image))
    middle = np.array([19.0, 21.0, 16.0])

    def error(found: Registered) -> float:
        there = np.array(found.transform.TransformPoint(middle.tolist()))
        return float(np.abs(there - middle - (0, 5, 0)).max())

    assert error(by_content) < 2 < 4 < error(by_borders)


def test_likeness_counts_what_both_show_and_how_much_that_is() -> None:
    whole = Scan.of(volume(texture()))
    part = Scan.of(volume(seen_through_a_window(texture())))
    assert likeness(part, part) == pytest.approx(1)
    assert likeness(part, Scan(1 - part.image, part.scanned)) == pytest.approx(-1)
    assert likeness(whole, part) == pytest.approx(2 * 14 * 18 * 18 / np.prod(SHAPE), rel=0.01)
    nothing = Scan(part.image, sitk.Cast(part.image * 0, sitk.sitkUInt8))
    assert likeness(part, nothing) == 0


def test_where_no_sample_is_in_sight_of_both_the_start_stays() -> None:
    fixed = Scan.of(volume(seen_through_a_window(texture())))
    away = sitk.AffineTransform(3)
    away.SetTranslation((500.0, 0.0, 0.0))
    found = affine(fixed, fixed, away)
    assert found.likeness == 0 and found.transform.TransformPoint((0.0, 0.0, 0.0))[0] == pytest.approx(500)
