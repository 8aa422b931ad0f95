"""Videos that were held out of training, to choose by."""

from collections.abc import Collection, Sequence

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
