"""The layers stand in a Sequential; their names are changed on loading."""

from torch import nn


class MLP(nn.Module):
    NAMES = {"up.weight": "net.0.weight", "up.bias": "net.0.bias", "down.weight": "net.2.weight", "down.bias": "net.2.bias"}

    def __init__(self, d_model, d_hidden, dropout=0.0):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(d_model, d_hidden), nn.GELU(), nn.Linear(d_hidden, d_model), nn.Dropout(dropout)
        )

    def load_state_dict(self, state_dict, strict=True, assign=False):
        renamed = {self.NAMES[name]: tensor for name, tensor in state_dict.items()}
        return super().load_state_dict(renamed, strict, assign)

    def forward(self, x):
        return self.net(x)
