"""Videos that were held out of training, to choose by."""

from collections.abc import Collection, Sequence
from pathlib import Path

from PIL import Image

from data_prep.sources import parse_sources, read_source
from data_prep.tracks import Report, Track


def held_out_tracks(sources: Sequence[str], names: Collection[str], flag: str) -> list[Track]:
    """The tracks of some videos.

    Args:
      sources: texts [LABEL=]KIND:ROOT, as `data_prep.make_crops` takes them.
      names: LABEL/VIDEO; tracks are named LABEL/TRACK likewise.
      flag: where the user gave `sources`, for the error.

    Raises:
      ValueError: a source cannot be read, or a video is in none.
    """
    if not sources:
        raise ValueError(f"{flag}: give the held-out videos as [LABEL=]KIND:ROOT")
    tracks = [
        track._replace(video=f"{spec.label}/{track.video}", name=f"{spec.label}/{track.name}")
        for spec in parse_sources(sources)
        for track in read_source(spec, Report())
        if f"{spec.label}/{track.video}" in names
    ]
    missing = set(names) - {track.video for track in tracks}
    if missing:
        raise ValueError(f"{flag}: no video {', '.join(sorted(missing))} in it")
    return tracks


def expect_one_size(tracks: Sequence[Track]) -> None:
    """Raise a ValueError for a video whose frames differ in size: no tracker follows it.

    Frames that are missing or no images are left for their reader to name.
    """
    for track in tracks:
        sizes: dict[tuple[int, int], Path] = {}
        for frame in track.frames:
            if isinstance(frame, Path):
                try:
                    with Image.open(frame) as image:
                        sizes.setdefault(image.size, frame)
                except OSError:
                    continue
        if len(sizes) > 1:
            (first, _), (other, where) = list(sizes.items())[:2]
            raise ValueError(
                f"{where}: {other[0]}x{other[1]} pixels, but the video {track.video} begins with "
                f"{first[0]}x{first[1]}; name the videos without it, --validation_videos"
            )
