"""What the tests share: tiny models made once a session, and the real one where it is there."""

import dataclasses
import json
import multiprocessing
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny
from hypothesis import settings

# Before anything of Hugging Face is imported: nothing is fetched, nothing is reported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Processes that tests start see the code under test.
_HERE = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(_HERE.parent / "src"), str(_HERE / "support")])
# One thread, so that sums are added up in the same order every time.
os.environ["OMP_NUM_THREADS"] = "1"
# Shells start jobs in the background with Ctrl-C ignored, and tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples every time, and no time limit on a machine that others share.
settings.register_profile("idiolect", derandomize=True, deadline=None, database=None)
settings.load_profile("idiolect")

_REAL_MODEL = Path("~/.cache/idiolect-dev/smollm2-135m-instruct").expanduser()
_REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what `datasets` caches, and answers of servers, away from the user's own caches."""
    os.environ["HF_DATASETS_CACHE"] = str(tmp_path_factory.mktemp("datasets-cache"))
    os.environ["IDIOLECT_CACHE_DIR"] = str(tmp_path_factory.mktemp("responses"))


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a tiny model folder once and gives its path."""
    import torch

    torch.set_num_threads(1)
    made: dict[Any, Path] = {}

    def make(
        style: str | None = "chatml",
        *,
        pad: str | None = "<pad>",
        sentencepiece: bool = False,
        max_length: int = 256,
        seed: int = 0,
    ) -> Path:
        key = (style, pad, sentencepiece, max_length, seed)
        if key not in made:
            template = tiny.TEMPLATES[style] if style else None
            tokenizer = (
                tiny.sentencepiece_tokenizer(template)
                if sentencepiece
                else tiny.byte_level_tokenizer(template, pad=pad)
            )
            folder = tmp_path_factory.mktemp(f"tiny-{style or 'base'}")
            made[key] = tiny.save_model(folder, tokenizer, max_length=max_length, seed=seed)
        return made[key]

    return make


@pytest.fixture(scope="session")
def tiny_model(make_model: Callable[..., Path]) -> Path:
    """Return the folder of a tiny Llama with a ChatML template."""
    return make_model()


@pytest.fixture(scope="session")
def load(make_model: Callable[..., Path]) -> Callable[..., Any]:
    """Return a function that loads a tiny model with the real loading code, once each."""
    from idiolect.config import TargetConfig
    from idiolect.models.local import load_local_model

    loaded: dict[Any, Any] = {}

    def get(style: str | None = "chatml", *, format: str | None = None, **options: Any) -> Any:
        key = (style, format, tuple(sorted(options.items())))
        if key not in loaded:
            kwargs = {"template_kwargs": {"enable_thinking": False}} if style == "qwen3" else {}
            folder = make_model(style, **options)
            loaded[key] = load_local_model(TargetConfig(str(folder), format=format, **kwargs))
        return loaded[key]

    return get


@pytest.fixture(scope="session")
def real_model() -> Path:
    """Return the folder of the real instruct model; skip where there is none."""
    folder = Path(os.environ.get("IDIOLECT_TEST_MODEL") or _REAL_MODEL)
    if not (folder / "config.json").is_file():
        pytest.skip("the real model is not here; set IDIOLECT_TEST_MODEL to its folder")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of the real data; skip where there is none."""
    if not _REAL_DATA.is_dir():
        pytest.skip("the real data is not here")
    return _REAL_DATA


@dataclass(frozen=True)
class Printed:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The output of `--json`."""
        return json.loads(self.out)

    @property
    def messages(self) -> list[str]:
        """The lines on the error stream that are messages of ours."""
        return [line for line in self.err.splitlines() if re.match(r"\w*[Ee]rror: ", line)]


@pytest.fixture
def idiolect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Printed]:
    """Return a function that runs the command line in this process, in a folder of its own."""
    from idiolect.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CI", "true")

    def run(*arguments: object) -> Printed:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Printed(code, printed.out, printed.err)

    return run


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count the responses that are scored and the answers that are generated."""
    from idiolect.models.local import LocalModel
    from idiolect.scoring import local

    counts = {"scored": 0, "generated": 0}
    choose, generate = local.choose_scorer, LocalModel.generate

    class Counting:
        def __init__(self, scorer: Any) -> None:
            self._scorer = scorer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._scorer, name)

        def score(self, requests: Any) -> Any:
            counts["scored"] += len(requests)
            return self._scorer.score(requests)

    def counting_generate(self: Any, requests: Any) -> Any:
        for result in generate(self, requests):
            counts["generated"] += 1
            yield result

    def counting_choice(*arguments: Any, **options: Any) -> Any:
        choice = choose(*arguments, **options)
        return dataclasses.replace(choice, scorer=Counting(choice.scorer))

    monkeypatch.setattr(local, "choose_scorer", counting_choice)
    monkeypatch.setattr(LocalModel, "generate", counting_generate)
    return counts


@pytest.fixture(scope="session")
def start():
    """Return a function that runs the command line in a real process of its own.

    The processes are forks of a server that has the heavy libraries loaded, so that a start
    takes no time worth speaking of.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [
            *("torch", "transformers.models.llama.modeling_llama", "tiny"),
            *("idiolect.pipeline.build", "idiolect.training.session"),
        ]
    )

    def begin(
        *arguments: object, log: Path, largest_file: int | None = None, **env: str
    ) -> multiprocessing.process.BaseProcess:
        words = [str(argument) for argument in arguments]
        process = context.Process(target=tiny.run_main, args=(words, log, largest_file, env))
        process.start()
        return process

    return begin


@pytest.fixture
def log(tmp_path):
    """Return the file that the processes print to."""
    return tmp_path / "printed.txt"
