"""The toolkits' rules for rectangles, frame by frame in plain Python; and boxes to try them on."""

import math

import numpy as np

SUCCESS = [k * 0.05 for k in range(11)] + [1 - (20 - k) * 0.05 for k in range(11, 21)]


def drawn_truth(rng, frames, damage=0.15):
    """Coarse numbers, so that many frames lie on a threshold; some annotation is unusable."""
    truth = np.column_stack([rng.integers(1, 30, (frames, 2)), rng.integers(1, 5, (frames, 2)) * 5])
    truth = truth.astype(np.float64)
    damaged = rng.random(frames) < damage
    damaged[0] = False
    truth[damaged, rng.integers(0, 4, damaged.sum())] = rng.choice([0, -3, np.nan], damaged.sum())
    return truth


def drawn_boxes(rng, truth, damage=0.3):
    """Boxes near the truth; some blank, partly blank, empty or inside out."""
    boxes = np.nan_to_num(truth, nan=4.0) + rng.integers(-6, 7, truth.shape) / 2
    boxes[0] = truth[0]
    for row in np.flatnonzero(rng.random(len(truth)) < damage):
        match rng.integers(0, 5) if row else 4:
            case 0:
                boxes[row] = np.nan
            case 1:
                boxes[row, rng.integers(0, 2)] = np.nan
            case 2:
                boxes[row, rng.integers(2, 4)] = 0
            case 3:
                boxes[row, 2:] *= -1
    return boxes


def matlab_frames(boxes, truth, ratio=None, blank=all):
    """(overlap, distance, normalised distance) of every frame, as calcSeqErrRobust.m."""
    rows = [list(map(float, box)) for box in boxes]
    for i in range(1, len(rows)):
        unusable = blank(map(math.isnan, rows[i])) or rows[i][2] <= 0 or rows[i][3] <= 0
        if unusable and not any(map(math.isnan, truth[i])):
            rows[i] = rows[i - 1]
    if ratio is not None:
        rows = [_scaled_back(row, ratio) for row in rows]
    rows[0] = list(truth[0])
    frames = []
    for row, true in zip(rows, truth, strict=True):
        if not all(value > 0 for value in true):
            frames.append((-1, -1, -1))
        elif any(map(math.isnan, row)):
            frames.append((0, math.inf, math.inf))
        else:
            frames.append(_matlab_frame(row, list(map(float, true))))
    return frames


def success_of(overlaps, frames, thresholds=SUCCESS):
    return [sum(o > threshold for o in overlaps) / frames for threshold in thresholds]


def precision_of(distances, frames, scale=1):
    return [sum(d <= k / scale for d in distances) / frames for k in range(51)]


def clipped(box, size):
    x, y = min(max(box[0], 0), size[0]), min(max(box[1], 0), size[1])
    return [x, y, min(max(box[2], 0), size[0] - x), min(max(box[3], 0), size[1] - y)]


def continuous_overlap(a, b):
    wide = max(min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]), 0)
    high = max(min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]), 0)
    union = a[2] * a[3] + b[2] * b[3] - wide * high
    return wide * high / union if union else 0


def _scaled_back(row, ratio):
    if any(map(math.isnan, row)):
        return row
    x, y, w, h = row
    centre = x + (w - 1) / 2, y + (h - 1) / 2
    w, h = w / ratio, h / ratio
    return [_rounded(v) for v in (centre[0] - w / 2, centre[1] - h / 2, w, h)]


def _rounded(value):
    return math.copysign(math.floor(abs(value) + 0.5), value)


def _matlab_frame(a, b):
    wide = max(0, min(a[0] + a[2] - 1, b[0] + b[2] - 1) - max(a[0], b[0]) + 1)
    high = max(0, min(a[1] + a[3] - 1, b[1] + b[3] - 1) - max(a[1], b[1]) + 1)
    overlap = wide * high / (a[2] * a[3] + b[2] * b[3] - wide * high)
    apart = [a[k] + (a[k + 2] - 1) / 2 - (b[k] + (b[k + 2] - 1) / 2) for k in (0, 1)]
    relative = [
        (a[k] + (a[k + 2] - 1) / 2) / b[k + 2] - (b[k] + (b[k + 2] - 1) / 2) / b[k + 2]
        for k in (0, 1)
    ]
    return overlap, math.sqrt(sum(d * d for d in apart)), math.sqrt(sum(d * d for d in relative))
