"""From a stable-baselines3 policy to plain arrays."""

from __future__ import annotations

import numpy as np
from labtrust_env.session import Mask
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from torch import nn

from labtrust_bench.learning.network import PolicyHead, PolicyNetwork


def network_of(policy: MaskableActorCriticPolicy, head: PolicyHead, usable: Mask) -> PolicyNetwork:
    """Return the part of a policy that decides; the value function stays behind.

    Args:
        policy: An MLP with ``tanh`` between its layers.
        head: What the policy is; its number of layers is filled in.
        usable: int8 vector: 1 for each action that it may take.
    """
    layers = [item for item in policy.mlp_extractor.policy_net if isinstance(item, nn.Linear)]
    layers.append(policy.action_net)
    return PolicyNetwork(
        head=head,
        usable=usable,
        weights=tuple(item.weight.detach().numpy().T.astype(np.float64) for item in layers),
        biases=tuple(item.bias.detach().numpy().astype(np.float64) for item in layers),
    )
