"""What a model is called, in records and tables, when it tracks in another way than its own."""


def tracked_as(model: str, *, fast: bool, redetect: bool = False) -> str:
    """The model's name and its ways, as in siamfc-3s+fast+redetect."""
    ways = {"+fast": fast, "+redetect": redetect}
    return model + "".join(way for way, taken in ways.items() if taken)
