"""A models.py whose forward never ends for one sequence at a time or several: it hangs as soon as it is asked again."""

from models_of_the_homework import GPT as Honest
from models_of_the_homework import GPTConfig


class GPT(Honest):
    def forward(self, idx, targets=None):
        while targets is None:
            pass
        return super().forward(idx, targets)
