"""How crops are cut and stored."""

from dataclasses import dataclass

from siamfc_jax.data.context_crops import EXEMPLAR_SIZE


@dataclass(frozen=True)
class CropSettings:
    """Sides of the stored crops and their JPEG quality.

    Both crops have the scale of eq. 7, at which 127 x 127 pixels show the target and its context.
    The room around 127 and 255 is what augmentation uses up: 143 leaves a stretch of 5 % and shifts
    of 4 pixels to the exemplar; 287 leaves 5 % and shifts of 9 to a search image of 255 pixels, or
    of 18 to one of 239.

    Raises:
      ValueError: the sides are not one even or odd pair of at least 127 and increasing, or the
        quality is not within 1 and 100.
    """

    exemplar_room: int = 143
    search_room: int = 287
    quality: int = 90

    def __post_init__(self) -> None:
        if not EXEMPLAR_SIZE <= self.exemplar_room <= self.search_room:
            raise ValueError(
                f"exemplar_room {self.exemplar_room} must be at least {EXEMPLAR_SIZE} and at most "
                f"search_room {self.search_room}"
            )
        if (self.search_room - self.exemplar_room) % 2:
            raise ValueError(
                f"exemplar_room {self.exemplar_room} and search_room {self.search_room} must both "
                "be odd or both be even, so that both crops are centred alike"
            )
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality {self.quality} must be within 1 and 100")

    @property
    def typical_bytes(self) -> int:
        """Of both crops of one box, on disk: 2 bits a pixel up to quality 90, twice that above.

        Measured at quality 90: 1.6 on sharp and blurred videos mixed (davis, uav, TLP, COCO-like).
        """
        bits = 2 if self.quality <= 90 else 4
        return (self.exemplar_room**2 + self.search_room**2) * bits // 8
