"""The position-wise feed-forward network.

Source: Vaswani et al. 2017, "Attention Is All You Need", section 3.3, equation 2, with GELU for ReLU;
Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", section 2.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class MLP(nn.Module):
    """Widen each token, apply the exact GELU, narrow it again: down(GELU(up(x))).

    Args:
        d_model: width of the tokens.
        d_hidden: width in between.
        dropout: probability, applied in train mode to the output.
    """

    def __init__(self, d_model: int, d_hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Transform each token on its own.

        Args:
            x: (…, d_model) floating point.

        Returns:
            (…, d_model), the dtype of `x`.
        """
        # <solution> forward: up, exact GELU z · Φ(z), down, dropout
        hidden = F.gelu(self.up(x))  # (…, d_hidden); exact: z · (1 + erf(z / √2)) / 2
        output: Tensor = self.dropout(self.down(hidden))  # (…, d_model)
        return output
        # </solution>
