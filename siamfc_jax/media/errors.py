"""The error for everything a user can put right about a video, an image or an output file."""


class MediaError(ValueError):
    """One line that names the file and the remedy; entry points print it as it is."""
