"""Slow, plain rasterisation for tests: one pixel after the other, as the reference describes it."""

import math

import numpy as np

f32 = np.float32


def _c_round(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _corners(region, end):
    if len(region) > 4:
        return [(f32(region[k]), f32(region[k + 1])) for k in range(0, len(region), 2)]
    x, y, w, h = (f32(value) for value in region)
    right, bottom = f32(f32(x + w) - f32(end)), f32(f32(y + h) - f32(end))
    return [(x, y), (right, y), (right, bottom), (x, bottom)]


def _trax_nodes(points, row):
    nodes = []
    for (xi, yi), (xj, yj) in zip(points, points[-1:] + points[:-1], strict=True):
        if yi != yj and min(yi, yj) <= row <= max(yi, yj):
            nodes.append(int(float(xi) + float(row - yi) / float(yj - yi) * float(xj - xi)))
    return sorted(nodes)


def _python_nodes(points, row):
    nodes = []
    for (xi, yi), (xj, yj) in zip(points, points[-1:] + points[:-1], strict=True):
        if min(yi, yj) <= row <= max(yi, yj):
            nodes.append(int(xi if yi == yj else xi + (row - yi) / (yj - yi) * (xj - xi)))
    return sorted(nodes)


def _legacy_nodes(points, row):
    nodes = []
    for (xi, yi), (xj, yj) in zip(points, points[-1:] + points[:-1], strict=True):
        if yi < row <= yj or yj < row <= yi:
            nodes.append(int(f32(xi + f32(f32(f32(row) - yi) / f32(yj - yi)) * f32(xj - xi))))
    return sorted(nodes)


def _fill(mask, row, first, last):
    for column in range(max(first, 0), min(last, mask.shape[1] - 1) + 1):
        mask[row, column] = True


def _trax_mask(points, width, height):
    mask = np.zeros((height, width), bool)
    for row in range(height):
        nodes, i = _trax_nodes(points, row), 0
        while i < len(nodes) - 1:
            if nodes[i] == nodes[i + 1]:
                i += 1
                continue
            _fill(mask, row, nodes[i], nodes[i + 1])
            i += 2
    return mask


def _python_mask(points, width, height):
    mask = np.zeros((height, width), bool)
    for row in range(height):
        nodes, i = _python_nodes(points, row), 0
        while i < len(nodes) - 1:
            if nodes[i] == nodes[i + 1] and i < len(nodes) - 2:
                i += 1
                continue
            _fill(mask, row, nodes[i], nodes[i + 1])
            i += 2
    return mask


def _legacy_mask(points, width, height):
    mask = np.zeros((height, width), bool)
    for row in range(height):
        nodes = _legacy_nodes(points, row)
        for first, end in zip(nodes[::2], nodes[1::2], strict=True):
            _fill(mask, row, first, end - 1)
    return mask


def _box(points, bounds, outwards):
    xs, ys = zip(*points, strict=True)
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    if outwards:
        left, top = f32(math.floor(left)), f32(math.floor(top))
        right, bottom = f32(math.ceil(right)), f32(math.ceil(bottom))
    if bounds is not None:
        left, top = max(left, f32(0)), max(top, f32(0))
        right, bottom = min(right, f32(bounds[0])), min(bottom, f32(bounds[1]))
    return left, top, right, bottom


def _trax_overlap(a, b, bounds, legacy):
    box_a, box_b = _box(a, bounds, not legacy), _box(b, bounds, not legacy)
    left, top = min(box_a[0], box_b[0]), min(box_a[1], box_b[1])
    width = int(f32(max(box_a[2], box_b[2]) - left)) + 1
    height = int(f32(max(box_a[3], box_b[3]) - top)) + 1
    area_a = f32(box_a[2] - box_a[0]) * f32(box_a[3] - box_a[1])
    area_b = f32(box_b[2] - box_b[0]) * f32(box_b[3] - box_b[1])
    if width < 1 or height < 1:
        return 0.0
    with np.errstate(all="ignore"):
        ratio = np.float64(area_a) / np.float64(area_b)
        if ratio < 1e-10 or np.float64(area_b) / np.float64(area_a) < 1e-10:
            return 0.0
        wide = f32(min(box_a[2], box_b[2]) - max(box_a[0], box_b[0]))
        shared = wide * f32(min(box_a[3], box_b[3]) - max(box_a[1], box_b[1]))
        if shared / f32(f32(area_a + area_b) - shared) <= 0:
            return 0.0

    def mask(points):
        moved = [(f32(x - left), f32(y - top)) for x, y in points]
        if legacy:
            return _legacy_mask(moved, width, height)
        return _trax_mask([(_c_round(x), _c_round(y)) for x, y in moved], width, height)

    mask_a, mask_b = mask(a), mask(b)
    union = (mask_a | mask_b).sum()
    return float(f32((mask_a & mask_b).sum()) / f32(union)) if union else math.nan


def _python_overlap(a, b, bounds):
    a, b = np.round(np.asarray(a, f32)), np.round(np.asarray(b, f32))

    def box(region):
        if len(region) == 4:
            x, y, w, h = region
            return x, y, x + w - 1, y + h - 1
        return min(region[::2]), min(region[1::2]), max(region[::2]), max(region[1::2])

    box_a, box_b = box(a), box(b)
    left, top = (min(box_a[k], box_b[k]) for k in (0, 1))
    right, bottom = (max(box_a[k], box_b[k]) for k in (2, 3))
    if left >= right or top >= bottom:
        return 1.0
    left, top = (int(max(0, value)) for value in (left, top))
    right, bottom = int(min(bounds[0] - 1, right)), int(min(bounds[1] - 1, bottom))
    if left >= right or top >= bottom:
        return 0.0

    def mask(region):
        shape = (right - left + 1, bottom - top + 1)
        if len(region) > 4:
            points = [
                (float(region[k]) - left, float(region[k + 1]) - top)
                for k in range(0, len(region), 2)
            ]
            return _python_mask(points, *shape)
        covered = np.zeros(shape[::-1], bool)
        x, y, w, h = (int(value) for value in region)
        for row in range(max(y, top), min(y + h, bottom + 1)):
            for column in range(max(x, left), min(x + w, right + 1)):
                covered[row - top, column - left] = True
        return covered

    mask_a, mask_b = mask(a), mask(b)
    union = (mask_a | mask_b).sum()
    return float((mask_a & mask_b).sum() / union) if union else 0.0


def bitmap_overlap(a, b, bounds, rule):
    """Overlap of two regions by the rule of that name; see `vot_overlap.OverlapRule`."""
    if rule == "python":
        return _python_overlap(a, b, bounds)
    end = 1 if rule == "2019" else 0
    return _trax_overlap(_corners(a, end), _corners(b, end), bounds, rule == "legacy")
