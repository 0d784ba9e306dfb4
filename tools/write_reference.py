"""Write the pages of `docs/reference/` that are made from the code; with --check, only say which are out of date."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import typer

from plat.api import Event, Hooks, Plugin
from plat.api._stability import stability
from plat.cli.main import COMMANDS
from plat.host.calls import DEADLINES
from plat.plugging import registered
from plat.stack import StackFile
from plat.testing import suites

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "reference"
WIDTH: Final = 100
NOTICE: Final = "<!-- Made from the code by `make docs`; a test compares the two. -->"


def pages() -> Mapping[str, str]:
    """Return the content of every generated page, by its name."""
    return {"hooks.md": hooks_page(), "help.md": help_page(), "plat.schema.json": schema_page()}


def main(arguments: list[str]) -> int:
    """Write or check the pages; returns the exit code."""
    stale = [name for name, text in pages().items() if _read(FOLDER / name) != text]
    for name in stale:
        if "--check" not in arguments:
            (FOLDER / name).write_text(pages()[name], encoding="utf-8")
        print(f"{'out of date' if '--check' in arguments else 'written'}: docs/reference/{name}")
    return int("--check" in arguments and bool(stale))


def hooks_page() -> str:
    """Return the page of hooks: each specification, the class that it returns, and what that class is given."""
    sections = [_hook(name) for name in hook_names()]
    toc = "\n".join(f"- [`{name}`](#{name}): {stability(name)}" for name in hook_names())
    return (
        f"""# Hooks

{NOTICE}

A plug-in is a module that an entry point of group `plat` names. It implements any of these functions, each under
`@hookimpl`. Registration hooks return classes; a class is a frozen pydantic model whose fields are its configuration
and which manifests name by its `kind`. [Write a plug-in](../tutorial/write-a-plugin.md) starts from nothing.

**pure** methods have no `ctx`: no I/O, no clock, no randomness, 100 ms at most. **reading** ones change nothing: they
may be repeated, cached, called in previews. **acting** ones change the world, once for each `ctx.key`. With a `ctx` a
method is `def`, run in a thread, or `async def`; it must answer within {_seconds("reading")} (reading),
{_seconds("render")} (`render`) or {_seconds("acting")} (acting), unless `deadline` says otherwise.

A hook is provisional until two independent plug-ins use it, then stable, and with it the models that it names.

{toc}

{"".join(sections)}""".rstrip("\n")
        + "\n"
    )


def hook_names() -> list[str]:
    """Return all hooks in order of their names, events last."""
    names = [name for name in vars(Hooks) if name.startswith("plat_")]
    return sorted(name for name in names if name in registered()) + [n for n in names if n not in registered()]


def help_page() -> str:
    """Return what `plat COMMAND --help` prints, for all commands."""
    parts = [f"# What `plat COMMAND --help` prints\n\n{NOTICE}\n\n[Commands](commands.md) says it in more words."]
    for group in COMMANDS.values():
        for name, command in group.items():
            parts.append(f"## plat {name}\n\n{''.join(_helps(name, command.module))}".rstrip())
    return "\n\n".join(parts) + "\n"


def schema_page() -> str:
    """Return the JSON Schema of plat.yaml, for editors."""
    return json.dumps(StackFile.model_json_schema(by_alias=True), indent=2, ensure_ascii=False) + "\n"


def _hook(name: str) -> str:
    function = vars(Hooks)[name]
    parts = [f"## {name}\n", f"```python\n@hookimpl\ndef {name}{_signature(function)}: ...\n```\n"]
    parts.append(f"{_doc(function)} Stability: {stability(name)}.\n")
    if name in registered():
        parts += _class(registered()[name])
    else:
        parts.append("| field of an `Event` | what it is |\n|---|---|")
        parts.append("\n".join(_context_rows(Event)) + "\n")
    parts.append(f"Conformance suite: `plat.testing.{_suite(name)}`. Start: `plat plugins new NAME --hook {name}`.\n")
    return "\n".join(parts) + "\n"


def _class(cls: type[Plugin]) -> Iterator[str]:
    yield f"### {cls.__name__}\n\n{_doc(cls)}\n"
    own = [row for row in _attributes(cls) if row[0] not in ("model_config", "kind", "needs")]
    if own:
        yield "| class attribute | meaning |\n|---|---|"
        yield "\n".join(f"| `{name}: {kind}` | {doc} |" for name, kind, doc in own) + "\n"
    yield "| method | access | |\n|---|---|---|"
    yield "\n".join(_methods(cls)) + "\n"
    context = _context(cls)
    if context is not None:
        yield f"`ctx`, a `{context.__name__}`: {_doc(context)}\n\n| field | what it is |\n|---|---|"
        yield "\n".join(_context_rows(context)) + "\n"


def _methods(cls: type[Plugin]) -> Iterator[str]:
    abstract: frozenset[str] = getattr(cls, "__abstractmethods__", frozenset())
    for name, value in vars(cls).items():
        function = value.__func__ if isinstance(value, classmethod) else value
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        needed = "required" if name in abstract else "optional"
        access = getattr(function, "__plat_access__", "pure")
        yield f"| `{name}{_escaped(_signature(function))}` | {access}, {needed} | {_cell(_doc(function))} |"


def _signature(function: Any) -> str:
    """Return a method's signature as a caller writes it: without `self`, types as in the source."""
    whole = inspect.signature(function)
    signature = whole.replace(parameters=[p for name, p in whole.parameters.items() if name not in ("self", "cls")])
    return re.sub(r"'|typing\.", "", str(signature))


def _context(cls: type[Plugin]) -> type | None:
    for value in vars(cls).values():
        if inspect.isfunction(value) and "ctx" in inspect.signature(value).parameters:
            found: type = inspect.get_annotations(value, eval_str=True)["ctx"]
            return found
    return None


def _context_rows(context: type) -> Iterator[str]:
    docs = {name: doc for base in reversed(context.__mro__) for name, _, doc in _attributes(base)}
    if not is_dataclass(context):
        return
    for field in fields(context):
        optional = field.default is not MISSING or field.default_factory is not MISSING
        doc = docs.get(field.name) or _doc_of_type(context, field.name)
        yield f"| `{field.name}: {_escaped(field.type)}`{' (optional)' if optional else ''} | {_cell(doc)} |"


def _doc_of_type(context: type, name: str) -> str:
    """Say what the type of a field says of itself, where the field says nothing and the type is ours."""
    for base in context.__mro__:
        kind = inspect.get_annotations(base, eval_str=True).get(name)
        if inspect.isclass(kind) and kind.__module__.startswith("plat."):
            return _doc(kind)
    return ""


def _attributes(cls: type) -> list[tuple[str, str, str]]:
    """Return (name, type, docstring) of the attributes that a class declares itself, from its source."""
    try:
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError):
        return []
    assert isinstance(tree, ast.ClassDef)  # noqa: S101  # the source of a class is one class
    rows: list[tuple[str, str, str]] = []
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            rows.append((node.target.id, _escaped(ast.unparse(node.annotation)), _cell(_text(after))))
    return rows


def _text(node: ast.stmt | None) -> str:
    """Return the text of a statement that is nothing but a text: the docstring of the attribute before it."""
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _helps(name: str, module: str) -> Iterator[str]:
    loaded: Any = importlib.import_module(f"plat.cli.{module}")
    app = getattr(loaded, "app", None)
    if not isinstance(app, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(name)(loaded.run)
    kept, app.rich_markup_mode = app.rich_markup_mode, None
    command: Any = typer.main.get_command(app)
    app.rich_markup_mode = kept
    yield _help(command, f"plat {name}")
    for inner, sub in sorted(getattr(command, "commands", {}).items()):
        yield _help(sub, f"plat {name} {inner}")


def _help(command: Any, path: str) -> str:
    context = command.context_class(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
    text = "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())
    return f"```text\n$ {path} --help\n{text}\n```\n\n"


def _suite(hook: str) -> str:
    return next(name for name in suites.__all__ if getattr(getattr(suites, name), "hook", "") == hook)


def _doc(thing: Any) -> str:
    return re.sub(r"[ \n]*\n[ \n]*", " ", inspect.cleandoc(thing.__doc__ or ""))


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def _escaped(text: Any) -> str:
    return str(text).replace("|", "\\|")


def _seconds(access: str) -> str:
    return f"{DEADLINES[access].total_seconds():g} s"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
