"""Train a homework's reference models, and record what they reach: `headmaster checkpoints HOMEWORK`.

    headmaster checkpoints cmu_birthplaces                              generated data, within 10 minutes on two cores
    headmaster checkpoints cmu_birthplaces --preset handout --data DIR  as the handout says, on the real data

A run can be killed at any moment: the same command goes on from there and comes to the same figures.
"""

import argparse
import importlib
import importlib.util
import platform
import sys
from pathlib import Path

import torch
from rich.console import Console

from .training.plots import draw
from .training.results import Report
from .training.setting import Setting
from .training.workshop import Workshop

# each homework's recipe: a module of `training` with a function `train(setting)`
RECIPES = {
    "cmu_birthplaces": "birth_places",
    "core": "core",
    "jhu_tinygpt": "tiny_gpt",
    "mit_dialoguegpt": "dialogue_gpt",
    "transformers_from_scratch": "from_scratch",
    "tugraz_charlm": "char_lm",
}
PRESETS = ("tiny", "cpu", "handout")  # not every recipe has all of them
FINE_TUNING = ("jhu_tinygpt", "transformers_from_scratch")  # their recipes heed --model
# what recipes need beyond what grading needs: the extra `training`
NEEDED = {"matplotlib": "plots", "safetensors": "checkpoints"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="headmaster checkpoints",
        description="Train a homework's reference models, and record what they reach.",
        epilog="A killed run goes on where it was when the same command is given again.",
    )
    parser.add_argument("homework", choices=sorted(RECIPES))
    parser.add_argument("--preset", choices=PRESETS, default="tiny", help="default: tiny, minutes on two cores")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the real data (default: generated data)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="folder of a Hugging Face model that is fine-tuned")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--seed", type=int, default=0, help="everything follows from it (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: out/checkpoints/HOMEWORK")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="of pretraining in cmu_birthplaces (default: the preset's)"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="add the figures to a file, such as reference/training/figures/…"
    )
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except (ValueError, FloatingPointError, OSError) as error:
        print(f"headmaster checkpoints: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nheadmaster checkpoints: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(
            f"it needs {', '.join(f'{name} (for {NEEDED[name]})' for name in missing)}: "
            "pip install -e '.[training]' in the checkout"
        )
    if options.epochs is not None and (options.homework != "cmu_birthplaces" or options.epochs < 1):
        raise ValueError(f"--epochs is for cmu_birthplaces, at least 1; found {options.epochs} for {options.homework}")
    recipe = importlib.import_module(f".training.{RECIPES[options.homework]}", __package__)
    if options.preset not in recipe.PRESETS:
        raise ValueError(f"{options.homework} has no preset {options.preset}; it has {' and '.join(recipe.PRESETS)}")
    device = _device(options.device)
    out = options.out or Path("out") / "checkpoints" / options.homework
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; --out needs a folder")
    if options.data is not None and not options.data.exists():
        raise ValueError(f"there is no {options.data}; --data needs the folder of the real data (docs/corpora.md)")
    if options.model is not None and not options.model.is_dir():
        raise ValueError(
            f"there is no folder {options.model}; --model needs a folder that `save_pretrained` has written"
        )
    if options.model is not None and options.homework not in FINE_TUNING:
        raise ValueError(f"{options.homework} fine-tunes no model; --model is for {' and '.join(FINE_TUNING)}")
    about = {
        "homework": options.homework,
        "preset": options.preset,
        "seed": options.seed,
        **({} if options.epochs is None else {"epochs": options.epochs}),
        "data": "generated" if options.data is None else str(options.data),
        "model": None if options.model is None else str(options.model),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    console = Console()
    report = Report(out, about)
    report.resume()
    workshop = Workshop(out / "states", device, options.seed, console)
    setting = Setting(options.preset, options.data, out, workshop, report, options.epochs, options.model)
    recipe.train(setting)
    report.write()
    report.print(console)
    if options.record is not None:
        report.record(options.record)
    for path in (out / "report.json", *draw(report)):
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)


def _device(name: str) -> torch.device:
    """Find the device.

    Raises:
        ValueError: there is no GPU.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("there is no CUDA device here; leave out --device, or say --device cpu")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


if __name__ == "__main__":
    sys.exit(main())
