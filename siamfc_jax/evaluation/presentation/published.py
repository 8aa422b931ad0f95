"""Scores that others published, for reference lines; each with the place where it stands.

Published scores are compared with care: the same files give different numbers in different
toolkits, and most trackers were tuned on the benchmark that they are shown on.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Published:
    """A row: what is None was not published there.

    `auc` to `sr75` are shares from 0 to 1. `accuracy`, `robustness` (failures per 100 frames) and
    `eao` are VOT's; `failures` are summed over the sequences. `source` names document and table.
    """

    tracker: str
    benchmark: str
    protocol: str
    source: str
    auc: float | None = None
    precision: float | None = None
    normalised_precision: float | None = None
    ao: float | None = None
    sr50: float | None = None
    sr75: float | None = None
    accuracy: float | None = None
    robustness: float | None = None
    failures: float | None = None
    eao: float | None = None


def published_on(benchmark: str, protocol: str) -> tuple[Published, ...]:
    """The rows of a benchmark and protocol, e.g. ("OTB-100", "OPE") or ("VOT2018", "baseline").

    VOT2017 and VOT2018 have the same sequences and share their rows. Nothing known: no rows.
    """
    stands_under = "VOT2018" if benchmark == "VOT2017" else benchmark
    return tuple(
        replace(row, benchmark=benchmark)
        for row in PUBLISHED
        if row.benchmark == stands_under and row.protocol == protocol
    )


_MATLAB = "published raw results, scored by the OTB toolkit's rules"
_OTB_LIST = "collected in github.com/foolwood/benchmark_results, README"
_SIAMFC_V1 = "Bertinetto et al., arXiv:1606.09549v1, Table 3"
_SIAMFC_V2 = "Bertinetto et al., arXiv:1606.09549v2, Table 2"
_SIAMRPN = "Li et al., SiamRPN, CVPR 2018"
_DASIAMRPN = "github.com/foolwood/DaSiamRPN, README"
_SIAMDW = "github.com/researchmm/SiamDW, README"
_PYSOT = "github.com/STVIR/pysot, MODEL_ZOO.md"
_PYTRACKING = "github.com/visionml/pytracking, MODEL_ZOO.md"
_SIAMBAN = "github.com/hqucv/siamban, MODEL_ZOO.md"
_SIAMFCPP = "github.com/megvii-research/video_analyst, SOT_MODEL_ZOO.md"
_PORT = "github.com/got-10k/siamfc, README"
_STARK = "Yan et al., STARK, ICCV 2021, Table 1"
_VOT_FILES = "published raw results, scored by the VOT toolkit's rules"


def _otb(
    tracker: str,
    source: str,
    otb_2013: tuple[float, float | None] | None = None,
    otb_50: tuple[float, float | None] | None = None,
    otb_100: tuple[float, float | None] | None = None,
    protocol: str = "OPE",
) -> tuple[Published, ...]:
    """(AUC, precision at 20 pixels) on the three sets."""
    sets = {"OTB-2013": otb_2013, "OTB-50": otb_50, "OTB-100": otb_100}
    return tuple(
        Published(tracker, name, protocol, source, auc=pair[0], precision=pair[1])
        for name, pair in sets.items()
        if pair
    )


def _vot(
    tracker: str,
    year: int,
    source: str,
    eao: float,
    accuracy: float | None = None,
    robustness: float | None = None,
    failures: float | None = None,
) -> Published:
    return Published(
        tracker,
        f"VOT{year}",
        "baseline",
        source,
        accuracy=accuracy,
        robustness=robustness,
        failures=failures,
        eao=eao,
    )


def _got10k(tracker: str, source: str, ao: float, sr50: float, sr75: float) -> Published:
    return Published(tracker, "GOT-10k test", "OPE", source, ao=ao, sr50=sr50, sr75=sr75)


def _lasot(
    tracker: str,
    source: str,
    auc: float,
    normalised: float | None = None,
    precision: float | None = None,
) -> Published:
    return Published(
        tracker,
        "LaSOT",
        "OPE",
        source,
        auc=auc,
        normalised_precision=normalised,
        precision=precision,
    )


PUBLISHED: tuple[Published, ...] = (
    # OTB: raw results that can be scored again give more digits than the papers print.
    *_otb("SiamFC-3s", _MATLAB, (0.6073, 0.8093), (0.5157, 0.6917), (0.5821, 0.7705)),
    *_otb(
        "SiamFC-3s", _MATLAB, (0.6182, 0.8221), (0.5548, 0.7515), (0.6052, 0.7952), protocol="TRE"
    ),
    *_otb("SiamRPN", _MATLAB, otb_100=(0.6380, 0.8505)),
    *_otb("ATOM", _MATLAB, otb_100=(0.6668, 0.8794)),
    *_otb("SAMF", _MATLAB, (0.5659, 0.7699), (0.4564, 0.6316), (0.5351, 0.7427)),
    *_otb("KCF", _MATLAB, (0.5138, 0.7400), (0.4030, 0.6106), (0.4771, 0.6954)),
    *_otb("Struck", _MATLAB, (0.4744, 0.6410), (0.3663, 0.5024), (0.4294, 0.5837)),
    *_otb("TLD", _MATLAB, (0.4071, 0.5526), (0.3219, 0.4287), (0.4056, 0.5457)),
    *_otb("CSK", _MATLAB, (0.3980, 0.5446), (0.3096, 0.4061), (0.3824, 0.5190)),
    *_otb("OAB", _MATLAB, (0.3700, 0.5069), (0.2732, 0.3759), (0.3664, 0.4895)),
    *_otb("IVT", _MATLAB, (0.3598, 0.5029), (0.2364, 0.3242), (0.3194, 0.4340)),
    *_otb("ECO", _OTB_LIST, (0.709, 0.930), (0.643, 0.874), (0.694, 0.910)),
    *_otb("MDNet", _OTB_LIST, (0.708, 0.948), (0.645, 0.890), (0.678, 0.909)),
    *_otb("DeepSRDCF", _OTB_LIST, (0.641, 0.849), (0.560, 0.772), (0.635, 0.851)),
    *_otb("SRDCF", _OTB_LIST, (0.626, 0.838), (0.539, 0.732), (0.598, 0.789)),
    *_otb("Staple", _OTB_LIST, (0.600, 0.793), otb_100=(0.578, 0.784)),
    *_otb("CFNet-conv2", _OTB_LIST, (0.611, 0.807), (0.530, 0.702), (0.568, 0.748)),
    *_otb("DSST", _OTB_LIST, (0.554, 0.737), (0.463, 0.625), (0.520, 0.693)),
    *_otb("MEEM", _OTB_LIST, (0.566, 0.830), (0.473, 0.712), (0.530, 0.781)),
    *_otb("GOTURN", _OTB_LIST, (0.444, 0.620), otb_100=(0.427, 0.572)),
    *_otb("SiamFC (PyTorch, GOT-10k)", _PORT, (0.589, 0.781), otb_100=(0.578, 0.765)),
    *_otb("CIResNet22-FC", _SIAMDW, (0.663, None), otb_100=(0.644, None)),
    *_otb("CIResNet22-FC (GOT-10k)", _SIAMDW, (0.664, None), otb_100=(0.654, None)),
    *_otb("SiamRPN++ AlexNet", _PYSOT, otb_100=(0.666, 0.876)),
    *_otb("SiamRPN++ ResNet-50", _PYSOT, otb_100=(0.696, 0.914)),
    *_otb("SiamBAN", _SIAMBAN, otb_100=(0.696, 0.910)),
    *_otb("SiamFC++ AlexNet", _SIAMFCPP, otb_100=(0.680, 0.884)),
    *_otb("SiamFC++ GoogLeNet", _SIAMFCPP, otb_100=(0.682, 0.896)),
    *_otb("DiMP-50", _PYTRACKING, otb_100=(0.684, None)),
    # VOT
    _vot("MDNet", 2015, _SIAMFC_V2, 0.3575, 0.5620, failures=46),
    _vot("EBT", 2015, _SIAMFC_V2, 0.3042, 0.4481, failures=49),
    _vot("DeepSRDCF", 2015, _SIAMFC_V2, 0.3033, 0.5350, failures=60),
    _vot("SiamFC-3s", 2015, _SIAMFC_V2, 0.2889, 0.5335, failures=84),
    _vot("SiamFC", 2015, _SIAMFC_V2, 0.2743, 0.5240, failures=87),
    _vot("SRDCF", 2015, _SIAMFC_V2, 0.2743, 0.5260, failures=71),
    _vot("LDP", 2015, _SIAMFC_V2, 0.2625, 0.4688, failures=78),
    _vot("NSAMF", 2015, _SIAMFC_V2, 0.2376, 0.5027, failures=87),
    _vot("Struck", 2015, _SIAMFC_V2, 0.2341, 0.4442, failures=90),
    _vot("SO-DLT", 2015, _SIAMFC_V2, 0.2190, 0.5233, failures=108),
    _vot("SiameseFC-ResNet", 2015, _SIAMFC_V1, 0.2794, 0.5527, failures=81),
    _vot("SiameseFC-AlexNet", 2015, _SIAMFC_V1, 0.2443, 0.5016, failures=93),
    _vot("SiamRPN", 2015, f"{_SIAMRPN}, Table 1", 0.358, 0.58),
    _vot("DaSiamRPN", 2015, _DASIAMRPN, 0.446, 0.63),
    _vot("CIResNet22-FC", 2015, _SIAMDW, 0.318),
    _vot("C-COT", 2016, f"{_SIAMRPN}, Table 2", 0.331, 0.53),
    _vot("ECO-HC", 2016, f"{_SIAMRPN}, Table 2", 0.322, 0.53),
    _vot("Staple", 2016, f"{_SIAMRPN}, Table 2", 0.2952, 0.54),
    _vot("EBT", 2016, f"{_SIAMRPN}, Table 2", 0.2913, 0.47),
    _vot("SiamFC-ResNet (SiamRN)", 2016, f"{_SIAMRPN}, Table 2", 0.2766, 0.55),
    _vot("SiamFC-AlexNet (SiamAN)", 2016, f"{_SIAMRPN}, Table 2", 0.2352, 0.53),
    _vot("SiamRPN", 2016, f"{_SIAMRPN}, Table 2", 0.3441, 0.56),
    _vot("DaSiamRPN", 2016, _DASIAMRPN, 0.411, 0.61, 0.22),
    _vot("CIResNet22-FC", 2016, _SIAMDW, 0.303),
    _vot("SiamRPN++ AlexNet", 2016, _PYSOT, 0.393, 0.618, 0.238),
    _vot("SiamRPN++ MobileNetV2", 2016, _PYSOT, 0.455, 0.624, 0.214),
    _vot("SiamRPN++ ResNet-50", 2016, _PYSOT, 0.464, 0.642, 0.196),
    _vot("SiamMask", 2016, _PYSOT, 0.455, 0.634, 0.219),
    _vot("SiamFC", 2018, f"{_SIAMDW} (VOT2017)", 0.188),
    _vot("CIResNet22-FC", 2018, f"{_SIAMDW} (VOT2017)", 0.234),
    _vot("CIResNet22-FC (GOT-10k)", 2018, f"{_SIAMDW} (VOT2017)", 0.266),
    _vot("SiamRPN", 2018, f"{_DASIAMRPN} (VOT2017)", 0.244, 0.49, 0.46),
    _vot("DaSiamRPN", 2018, _VOT_FILES, 0.383, 0.586, 0.276),
    _vot("NanoTrack", 2018, _VOT_FILES, 0.311),
    _vot("SiamAPN", 2018, _VOT_FILES, 0.248),
    _vot("SiamRPN++ AlexNet", 2018, _PYSOT, 0.352, 0.576, 0.290),
    _vot("SiamRPN++ MobileNetV2", 2018, _PYSOT, 0.410, 0.586, 0.229),
    _vot("SiamRPN++ ResNet-50", 2018, _PYSOT, 0.415, 0.601, 0.234),
    _vot("SiamMask", 2018, _PYSOT, 0.423, 0.615, 0.248),
    _vot("SiamFC++ AlexNet", 2018, _SIAMFCPP, 0.393, 0.576, 0.183),
    _vot("SiamFC++ GoogLeNet", 2018, _SIAMFCPP, 0.426, 0.583, 0.173),
    _vot("SiamBAN", 2018, _SIAMBAN, 0.452, 0.597, 0.178),
    _vot("ATOM", 2018, _PYTRACKING, 0.401),
    _vot("DiMP-50", 2018, _PYTRACKING, 0.440),
    _vot("SiamRPN++ AlexNet", 2019, _PYSOT, 0.260, 0.573, 0.547),
    _vot("SiamRPN++ MobileNetV2", 2019, _PYSOT, 0.292, 0.580, 0.446),
    _vot("SiamRPN++ ResNet-50", 2019, _PYSOT, 0.287, 0.595, 0.467),
    _vot("SiamMask", 2019, _PYSOT, 0.283, 0.597, 0.461),
    _vot("LightTrack", 2019, _VOT_FILES, 0.328),
    _vot("SiamAPN++", 2019, f"{_VOT_FILES} (pysot's)", 0.234),
    # GOT-10k: the test set, scored by its server
    _got10k("SiamFC", _STARK, 0.348, 0.353, 0.098),
    _got10k("SiamFCv2 (CFNet baseline)", _STARK, 0.374, 0.404, 0.144),
    _got10k("SiamFC (PyTorch, GOT-10k)", _PORT, 0.355, 0.390, 0.118),
    _got10k("SiamFC++ AlexNet", _SIAMFCPP, 0.526, 0.625, 0.347),
    _got10k("ATOM", _STARK, 0.556, 0.634, 0.402),
    _got10k("SiamFC++", _STARK, 0.595, 0.695, 0.479),
    _got10k("DiMP-50", _STARK, 0.611, 0.717, 0.492),
    _got10k("Ocean", _STARK, 0.611, 0.721, 0.473),
    # LaSOT: the test set of 280 sequences
    _lasot("ATOM", "published raw results, scored by LaSOT's rules", 0.5143, 0.5768, 0.5054),
    _lasot("SiamFC++ GoogLeNet", _SIAMFCPP, 0.557, 0.589, 0.556),
    _lasot("DiMP-50", _PYTRACKING, 0.569),
    _lasot("PrDiMP-50", _PYTRACKING, 0.598),
)
