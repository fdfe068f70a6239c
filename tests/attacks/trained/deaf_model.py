"""A models.py whose load_state_dict does not load what it is given: the model is what it was when it was made."""

from models_of_the_homework import GPT as Honest
from models_of_the_homework import GPTConfig


class GPT(Honest):
    def load_state_dict(self, state_dict, strict=True, assign=False):
        return None
