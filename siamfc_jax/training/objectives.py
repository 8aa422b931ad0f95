"""What each kind of network learns."""

from siamfc_jax.models.network import Network
from siamfc_jax.models.siamfc import SiamFCNetwork
from siamfc_jax.training.objective import Objective
from siamfc_jax.training.settings import TrainSettings
from siamfc_jax.training.siamfc_objective import SiamFCObjective
from siamfc_jax.training.siamrpn_objective import SiamRPNObjective


def objective_of(network: Network, settings: TrainSettings) -> Objective:
    """What `network` learns under `settings`; raises ValueError: these do not suit it."""
    if isinstance(network, SiamFCNetwork):
        return SiamFCObjective(network, settings)
    return SiamRPNObjective(network, settings)
