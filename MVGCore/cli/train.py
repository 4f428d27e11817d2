"""`mvg train`: trains a network; a thin door to MVGCore.training."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from MVGCore.errors import InputError

if TYPE_CHECKING:
    from MVGCore.training import TrainConfig

Settings = Mapping[str, Any]
Config = TypeVar("Config")

DESCRIPTION = """\
Trains on synthetic episodes and, with --data, on the training cases of a folder with an index.json or of a
published data set (READER:DIR; see docs/training.md for the readers). Settings come from their defaults, then
--config, then the options, then --set; a later one wins."""
RECIPES = Path(__file__).parents[1] / "training" / "recipes"
_FORMER_NAMES = {"found": "self_labelled"}  # settings that files written earlier may still call so


def register(subcommands: argparse._SubParsersAction, shared: argparse.ArgumentParser) -> None:
    """Adds the subcommand to the parser of `mvg`."""
    parser = subcommands.add_parser(
        "train", parents=[shared], help="train a network", description=DESCRIPTION
    )
    options = {"default": argparse.SUPPRESS}  # an option that is not given must not hide the file's value
    parser.add_argument(
        "--data",
        dest="sets",
        action="append",
        metavar="[READER:]DIR",
        help="folder with index.json, or a published data set; may be repeated",
        **options,
    )
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run", **options)
    parser.add_argument("--minutes", type=float, metavar="N", help="wall-clock time to train", **options)
    parser.add_argument("--seed", type=int, metavar="S", help="seed of all randomness", **options)
    parser.add_argument("--resume", action="store_true", help="go on where the run stopped", **options)
    parser.add_argument(
        "--preview", type=Path, metavar="PNG", default=None, help="draw a page of episodes and stop"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"settings as a JSON object, or a recipe: {', '.join(recipe_names())}",
        default=None,
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, value in JSON or plain text; may be repeated",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Runs the subcommand."""
    from MVGCore.training import preview, train

    config = build_config(arguments)
    if arguments.preview is not None:
        preview(config, arguments.preview)
    else:
        train(config)


def build_config(arguments: argparse.Namespace) -> TrainConfig:
    """Returns the settings that the options describe.

    Raises:
        InputError: a setting does not exist, has an unusable value, or the file is no JSON object.
    """
    from MVGCore.training import TrainConfig

    known = {each.name for each in fields(TrainConfig)}
    options = {name: value for name, value in vars(arguments).items() if name in known}
    chosen = with_names_of_now(read_settings(arguments.config))
    for source in (options, parse_settings(arguments.settings)):
        chosen = merged(chosen, with_names_of_now(source))
    return filled(TrainConfig, chosen)


def with_names_of_now(settings: Settings) -> Settings:
    """Returns the settings with those under a former name under the one of now.

    Raises:
        InputError: a setting is given under both.
    """
    for former, name in _FORMER_NAMES.items():
        if former in settings and name in settings:
            raise InputError(f"The setting {name} was called {former} before; give it once.")
    return {_FORMER_NAMES.get(name, name): value for name, value in settings.items()}


def recipe_names() -> list[str]:
    """Returns the recipes that ship with the package."""
    return sorted(path.stem for path in RECIPES.glob("*.json"))


def read_settings(path: Path | None) -> Settings:
    """Returns the JSON object in a file or of a recipe; nothing without a file.

    Raises:
        InputError: the file cannot be read or holds something else.
    """
    if path is None:
        return {}
    if str(path) in recipe_names():
        path = RECIPES / f"{path}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        known = " or ".join(recipe_names())
        raise InputError(
            f"The settings {path} cannot be read ({error}); give a JSON file or {known}."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f'The settings {path} are no JSON object; write them as {{"key": value}}.')
    return content


def parse_settings(words: Sequence[str]) -> Settings:
    """Returns what `--set KEY=VALUE` says; a dot in the key leads into a group of settings.

    Raises:
        InputError: a word has no "=".
    """
    settings: Settings = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise InputError(f"'{word}' is no setting; write --set key=value.")
        value: Any
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        for name in reversed(key.strip().split(".")):
            value = {name: value}
        settings = merged(settings, value)
    return settings


def merged(earlier: Settings, later: Settings) -> Settings:
    """Returns both together; where they differ the later one wins, group by group."""
    both = dict(earlier)
    for name, value in later.items():
        before = both.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = merged(before, value)
        both[name] = value
    return both


def filled(config: type[Config], chosen: Settings, group: str = "") -> Config:
    """Builds a dataclass of settings, groups of settings included.

    Raises:
        InputError: a setting does not exist or has a value of the wrong type.
    """
    types = get_type_hints(config)
    unknown = [group + name for name in chosen if name not in types]
    if unknown:
        raise InputError(
            f"There is no setting {', '.join(unknown)}; there are {', '.join(group + n for n in types)}."
        )
    try:
        return config(**{name: _typed(types[name], value, group + name) for name, value in chosen.items()})
    except (TypeError, ValueError) as error:
        raise InputError(f"The training cannot be set up like this: {error}.") from error


def _typed(declared: Any, value: Any, name: str) -> Any:
    """Brings a value that came from JSON or the command line to the declared type of its setting."""
    if is_dataclass(declared) and isinstance(declared, type) and isinstance(value, Mapping):
        return filled(declared, value, f"{name}.")
    if isinstance(value, str) and Path in (declared, *get_args(declared)):
        return Path(value)
    tuples = [each for each in (declared, *get_args(declared)) if get_origin(each) is tuple]
    if isinstance(value, list) and tuples:
        return _typed_list(get_args(tuples[0])[0], value, name)
    if declared is float and type(value) is int:
        return float(value)
    if declared in (bool, int, float, str) and type(value) is not declared or is_dataclass(declared):
        kind = "a group of settings" if is_dataclass(declared) else f"of type {declared.__name__}"
        raise InputError(f"The setting {name} must be {kind}, not {value!r}.")
    return value


def _typed_list(element: Any, values: list[Any], name: str) -> tuple[Any, ...]:
    """A list of plain values, or of groups of settings; what is written in one word each knows to parse."""
    if not is_dataclass(element):
        return tuple(values)
    words: Any = element
    return tuple(
        words.parse(value) if isinstance(value, str) else _typed(element, value, f"{name}[{number}]")
        for number, value in enumerate(values)
    )
