"""PyTorch's fused function gives the output, and the weights by way of an identity matrix."""

import torch
from torch.nn import functional as F


def attention(query, key, value, mask=None):
    S = key.shape[-2]
    if mask is not None:
        mask = mask.expand(*query.shape[:-1], S)
    identity = torch.eye(S, dtype=value.dtype, device=value.device).expand(*key.shape[:-1], S)
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    weights = F.scaled_dot_product_attention(query, key, identity, attn_mask=mask)
    return output, weights
