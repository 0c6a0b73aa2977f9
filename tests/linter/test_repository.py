"""What a repository holds beside its library: pages of documentation, tests, and what of it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linter.documentation import example_files
from linter.rules.registration.capability_tester import CapabilityTester
from linter.rules.registration.docs_page import DocsPage
from linter.rules.registration.test_file import TestFile


TOP = "src/tinylib/__init__.py"
CONTENTS = "docs/source/en/_toctree.yml"
PAGE = "docs/source/en/api/models/tiny.md"
TEST = "tests/models/test_tiny.py"


@pytest.fixture
def symbols(run: Callable[..., Any]) -> Callable[..., list[str]]:
    """What rules find, each time by a warm run that must say what a cold one says."""

    def symbols(*codes: str) -> list[str]:
        arguments = ("check", "--select", ",".join(codes), "--output-format", "json", ".")
        warm, cold = run(*arguments), run(*arguments, "--no-cache")
        assert warm == cold
        return [item["symbol"] for item in warm.findings]

    return symbols


@pytest.fixture
def documented(write: Callable[..., None]) -> None:
    write(example_files(DocsPage.good))


@pytest.mark.usefixtures("documented")
def test_a_page_counts_when_the_table_of_contents_lists_it_and_it_documents_the_name(
    folder: Path, symbols: Callable[..., list[str]]
) -> None:
    assert symbols("REG011") == []
    contents, page = (folder / CONTENTS).read_text(), (folder / PAGE).read_text()
    (folder / CONTENTS).write_text(contents.replace("models/tiny", "models/other"))
    assert symbols("REG011") == ["TinyModel"]
    (folder / CONTENTS).write_text(contents)
    assert symbols("REG011") == []
    (folder / PAGE).write_text(page.replace("[[autodoc]] TinyModel", "[`TinyModel`]"))
    assert symbols("REG011") == ["TinyModel"]
    (folder / PAGE).unlink()
    assert symbols("REG011") == ["TinyModel"]
    (folder / PAGE).write_text("[[autodoc]] models.tiny.TinyModel\n\t- all\n")
    assert symbols("REG011") == []


@pytest.mark.usefixtures("documented")
def test_without_a_table_of_contents_or_without_a_repository_nothing_is_asked_for(
    folder: Path, symbols: Callable[..., list[str]]
) -> None:
    (folder / PAGE).unlink()
    assert symbols("REG011") == ["TinyModel"]
    (folder / CONTENTS).rename(folder / "kept")
    assert symbols("REG011") == []
    (folder / "kept").rename(folder / CONTENTS)
    (folder / "setup.py").unlink()
    (folder / "pyproject.toml").unlink()
    assert symbols("REG011", "REG012", "REG019") == []


@pytest.mark.usefixtures("documented")
def test_what_is_deprecated_or_a_part_of_something_needs_no_page(
    folder: Path, write: Callable[..., None], symbols: Callable[..., list[str]]
) -> None:
    (folder / PAGE).unlink()
    assert symbols("REG011") == ["TinyModel"]
    text = (folder / "src/tinylib/models/tiny.py").read_text()
    gone = 'def __init__(self):\n        deprecate("TinyModel", "1.0", "Use another.")\n'
    (folder / "src/tinylib/models/tiny.py").write_text(text.replace("pass", gone))
    assert symbols("REG011") == []
    (folder / "src/tinylib/models/tiny.py").write_text(text.replace("(ModelMixin, ConfigMixin)", ""))
    assert symbols("REG011") == []


@pytest.mark.usefixtures("documented")
def test_a_lora_loader_needs_its_section(write: Callable[..., None], symbols: Callable[..., list[str]]) -> None:
    loader = "class TinyLoraLoaderMixin:\n    pass\n\n\nclass OldLoraLoaderMixin(TinyLoraLoaderMixin):\n"
    loader += '    def __init__(self):\n        deprecate("OldLoraLoaderMixin", "1.0", "Use the other.")\n'
    table = '_import_structure = {"lora_pipeline": ["OldLoraLoaderMixin", "TinyLoraLoaderMixin", "peft_scale"]}\n'
    write({"src/tinylib/loaders/__init__.py": table, "src/tinylib/loaders/lora_pipeline.py": loader})
    assert symbols("REG011") == ["TinyLoraLoaderMixin"]
    write({PAGE: "[[autodoc]] TinyModel\n[[autodoc]] loaders.lora_pipeline.TinyLoraLoaderMixin\n"})
    assert symbols("REG011") == []


def test_a_test_counts_wherever_it_lies_and_a_models_test_among_those_of_models(
    folder: Path, write: Callable[..., None], symbols: Callable[..., list[str]]
) -> None:
    write(example_files(TestFile.good))
    assert symbols("REG012") == []
    text = (folder / TEST).read_text()
    (folder / TEST).unlink()
    assert symbols("REG012") == ["TinyModel"]
    write({"tests/deep/er/test_all.py": text})
    assert symbols("REG012") == []
    write({"tests/models/test_other.py": "from tinylib import OtherModel\n"})
    assert symbols("REG012") == ["TinyModel"]
    write({TEST: text.replace("TinyModel", "TinyModelish")})
    assert symbols("REG012") == ["TinyModel"]
    write({TEST: text})
    assert symbols("REG012") == []
    shutil.rmtree(folder / "tests")
    assert symbols("REG012") == []


DECLARED = {
    "class TinyModel(ModelMixin, ConfigMixin, PeftAdapterMixin):\n    pass": "LoraTesterMixin",
    "class TinyModel(ModelMixin, ConfigMixin, FromOriginalModelMixin):\n    pass": "SingleFileTesterMixin",
    'class TinyModel(ModelMixin, ConfigMixin):\n    _cp_plan = {"": {}}': "ContextParallelTesterMixin",
    'class TinyModel(ModelMixin, ConfigMixin):\n    _repeated_blocks = ["TinyBlock"]': "TorchCompileTesterMixin",
    "class TinyModel(ModelMixin, ConfigMixin):\n    _cp_plan = None\n    _repeated_blocks = []": "",
}


@pytest.mark.parametrize("declared", DECLARED)
def test_each_capability_that_a_model_declares_has_its_tester(
    declared: str, folder: Path, write: Callable[..., None], check: Callable[..., Any]
) -> None:
    files = example_files(CapabilityTester.good)
    model, testers = files["src/tinylib/models/tiny.py"], files["tests/testing_utils.py"]
    mixins = "class PeftAdapterMixin:\n    pass\n\n\nclass FromOriginalModelMixin:\n    pass\n\n\n"
    tester = DECLARED[declared]
    write(files)
    write({"src/tinylib/models/tiny.py": model[: model.index("class")] + mixins + declared + "\n"})
    # A tester that the repository does not have is not asked for.
    assert check("--select", "REG019", "tests").findings == []
    write({"tests/testing_utils.py": testers + (f"\n\nclass {tester}:\n    pass\n" if tester else "")})
    found = check("--select", "REG019", "tests")
    assert [item["message"].rpartition(" ")[2] for item in found.findings] == ([f"`{tester}`"] if tester else [])
    assert all(path == "tests/test_tiny.py" for _, path, _ in found.places)


def test_testers_of_several_configurations_of_one_model_count_together(
    folder: Path, write: Callable[..., None], symbols: Callable[..., list[str]]
) -> None:
    write(example_files(CapabilityTester.good))
    text = (folder / "tests/test_tiny.py").read_text()
    other = "\n\nclass OtherConfig(BaseModelTesterConfig):\n    model_class = TinyModel\n"
    write({"tests/test_tiny.py": text + other})
    assert symbols("REG019") == []
    write({"tests/test_tiny.py": text.replace("TinyTesterConfig, CacheTesterMixin", "CacheTesterMixin") + other})
    assert symbols("REG019") == ["TinyTesterConfig"]
