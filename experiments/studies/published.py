"""What the papers print of their studies, copied from their tables and sentences."""

from experiments.studies.variants import PublishedColumn

V1_SOURCE = "SiamFC v1, Table 2"
V1_TABLE_2 = (
    PublishedColumn("", "videos", {5: 141, 10: 282, 50: 1410, 100: 2820}, 0),
    PublishedColumn("", "boxes (k)", {5: 32, 10: 95, 50: 430, 100: 843}, 0),
    PublishedColumn("VOT2015", "accuracy", {5: 0.459, 10: 0.492, 50: 0.497, 100: 0.502}),
    PublishedColumn("VOT2015", "failures", {5: 217, 10: 163, 50: 127, 100: 93}, 0),
    PublishedColumn("VOT2015", "EAO", {5: 0.144, 10: 0.188, 50: 0.210, 100: 0.244}, drawn=True),
)

V2_SOURCE = "SiamFC v2, Table 3"
V2_TABLE_3 = (
    PublishedColumn("", "videos", {2: 88, 4: 177, 8: 353, 16: 707, 32: 1413, 100: 4417}, 0),
    PublishedColumn("", "boxes (k)", {2: 60, 4: 110, 8: 190, 16: 330, 32: 650, 100: 2000}, 0),
    PublishedColumn(
        "VOT2015",
        "accuracy",
        {2: 0.484, 4: 0.501, 8: 0.484, 16: 0.522, 32: 0.521, 100: 0.524},
    ),
    PublishedColumn("VOT2015", "failures", {2: 183, 4: 160, 8: 142, 16: 132, 32: 117, 100: 87}, 0),
    PublishedColumn(
        "VOT2015",
        "EAO",
        {2: 0.168, 4: 0.192, 8: 0.193, 16: 0.219, 32: 0.234, 100: 0.274},
        drawn=True,
    ),
)

RPN_FIGURE_10_SOURCE = "SiamRPN, Fig. 10"
RPN_FIGURE_10 = (PublishedColumn("VOT2016", "EAO", {0: 0.317, 100: 0.344}, drawn=True),)
"""Per cent of YouTube-BB beside ILSVRC VID -> EAO: the two points that §5.6.1 names."""

RPN_TABLE_3_SOURCE = "SiamRPN, Table 3"
RPN_TABLE_3 = (
    PublishedColumn(
        "VOT2016", "EAO", {3: 0.279, 5: 0.317, 7: 0.304}, series="without YouTube-BB", drawn=True
    ),
    PublishedColumn(
        "VOT2016", "EAO", {3: 0.311, 5: 0.344, 7: 0.337}, series="with YouTube-BB", drawn=True
    ),
)
"""Number of anchor ratios -> EAO."""

RPN_FIGURE_11_SOURCE = "SiamRPN, Fig. 11"

SCALES_SOURCE = "SiamFC v2, Table 2 and §4.1, §4.4.3"
SCALES = (
    PublishedColumn("VOT2015", "accuracy", {3: 0.5335, 5: 0.5240}, 4),
    PublishedColumn("VOT2015", "failures", {3: 84, 5: 87}, 0),
    PublishedColumn("VOT2015", "EAO", {3: 0.2889, 5: 0.2743}, 4, drawn=True),
    PublishedColumn("VOT2016", "overall EAO", {3: 0.4051, 5: 0.3876}, 4),
    PublishedColumn("Titan X", "frames/s", {3: 86, 5: 58}, 0),
)
"""Number of scales -> scores of SiamFC-3s and SiamFC."""
