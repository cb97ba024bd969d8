"""The shape of the house, held by tests: who may import whom, what SQL may name, what a page may fetch.

Each rule is a function from source text to what breaks it, so that each is also tried on a text that does break it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHELL = ROOT / "pages" / "shared" / "shell.py"
README = ROOT / "README.md"

# Who may import whom, from the bottom up. `data/__main__.py` is an entry point like app.py: it may call analysis.
FORBIDDEN_IMPORTS = {
    "data": {"streamlit", "analysis", "pages", "app", "tests"},
    "analysis": {"streamlit", "pages", "app", "tests"},
    "pages": {"app", "tests", "duckdb", "scipy", "statsmodels"},
}
LINE_LIMIT = 600
# Written as patterns, so that this file holds no such name itself.
REGISTRY_HOSTS = re.compile(r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|crates\.io|proxy\.golang\.org")
CDN_HOSTS = re.compile(r"unpkg\.com|jsdelivr\.net|cdnjs\.|googleapis\.com|gstatic\.com|mapbox\.com|cartocdn\.com")
URL = re.compile(r"(?:https?:|wss?:)?//(?!localhost\b|127\.0\.0\.1\b)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)


def sources(*folders: str, ending: str = "*.py") -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob(ending) if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# ---- imports


def imported_rooms(source: str) -> set[str]:
    """First names of everything a module imports, also inside functions and through importlib."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                rooms |= {name.name.split(".")[0] for name in node.names}
            case ast.ImportFrom(level=0, module=str(module)):
                rooms.add(module.split(".")[0])
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                rooms.add(module.split(".")[0])
    return rooms


def relative_imports(source: str) -> list[str]:
    return [
        f"{'.' * node.level}{node.module or ''}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


@pytest.mark.parametrize("room", FORBIDDEN_IMPORTS)
def test_no_room_imports_what_stands_above_it(room):
    broken = {}
    for path in sources(room):
        allowed = {"analysis"} if relative(path) == "data/__main__.py" else set()
        if found := imported_rooms(path.read_text()) & FORBIDDEN_IMPORTS[room] - allowed:
            broken[relative(path)] = found
    assert broken == {}


def test_rooms_are_imported_by_their_full_name():
    broken = {
        relative(path): found
        for path in sources("data", "analysis", "pages")
        if (found := relative_imports(path.read_text()))
    }
    assert broken == {}


@pytest.mark.parametrize(
    "source",
    [
        "import streamlit as st",
        "import streamlit.components.v1",
        "from streamlit import cache_data",
        "from streamlit.runtime import caching",
        "def f():\n    import streamlit",
        "import importlib\nimportlib.import_module('streamlit.runtime')",
        "__import__('streamlit')",
    ],
)
def test_an_import_of_streamlit_is_seen_however_it_is_written(source):
    assert "streamlit" in imported_rooms(source)


def test_an_import_is_not_seen_where_there_is_none():
    assert imported_rooms("import json\n'''import streamlit'''\nstreamlit_like = 1") == {"json"}
    assert relative_imports("from . import a\nfrom ..data import b\nfrom data import c") == [".", "..data"]


def queries_run(source: str) -> list[str]:
    return [
        f"line {node.lineno}: .{node.func.attr}("
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"execute", "executemany", "sql"}
    ]


def test_pages_hold_no_sql():
    broken = {relative(path): found for path in sources("pages") if (found := queries_run(path.read_text()))}
    assert broken == {}


def test_a_query_in_a_page_is_seen():
    assert queries_run("x = 1\ncursor.execute('select 1').df()") == ["line 2: .execute("]


# ---- pages and navigation


def page_calls(source: str, *, folder: Path) -> dict[Path, str]:
    """Page file to title, for every literal path that the shell registers.

    Pages may be registered one call each or from a table of (path, title): every text that ends in .py counts as a
    path, relative to the shell; its title is the call's `title=`, else the file's name.
    """
    tree = ast.parse(source)
    titles: dict[Path, str] = {}
    for text in string_constants(tree):
        if re.fullmatch(r"[\w./-]+\.py", text):
            path = (folder / text).resolve()
            titles[path] = path.stem.replace("_", " ").capitalize()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            for keyword in node.keywords:
                path = (folder / str(node.args[0].value)).resolve()
                if keyword.arg == "title" and path in titles and isinstance(keyword.value, ast.Constant):
                    titles[path] = str(keyword.value.value)
    return titles


def string_constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def page_files() -> set[Path]:
    shared = ROOT / "pages" / "shared"
    return {path for path in sources("pages") if shared not in path.parents and path.name != "__init__.py"}


def registered_pages() -> dict[Path, str]:
    return page_calls(SHELL.read_text(), folder=SHELL.parent)


def test_no_script_lies_directly_in_pages():
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == [], "Streamlit would run it without the shell"


def test_every_registered_page_exists():
    assert registered_pages(), "the shell registers no page"
    assert [str(path) for path in registered_pages() if not path.is_file()] == []


def test_every_page_is_in_navigation():
    assert {relative(path) for path in page_files() - set(registered_pages())} == set()


def test_every_page_is_in_the_readme():
    readme = README.read_text()
    missing = [
        relative(path)
        for path, title in registered_pages().items()
        if f"**{title}**" not in readme and relative(path) not in readme
    ]
    assert missing == []


def test_pages_are_found_however_they_are_registered():
    source = """
        pages = [st.Page("../portfolio/hotspots.py", title="Where it happens"), st.Page("../admin/data.py")]
        table = {"Controls": "../loss_control/control_effects.py"}
    """
    found = page_calls(source.replace("        ", ""), folder=Path("/house/pages/shared"))
    assert found == {
        Path("/house/pages/portfolio/hotspots.py"): "Where it happens",
        Path("/house/pages/admin/data.py"): "Data",
        Path("/house/pages/loss_control/control_effects.py"): "Control effects",
    }


# ---- SQL of analysis/ names no schema, no catalog and no file


def texts_of(source: str) -> Iterator[str]:
    """Every text of a module that could be SQL: constants, sums of texts, f-strings with a name where a value goes."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and (text := folded(node)):
            yield text


def folded(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            return "".join(folded(part) or "placeholder" for part in node.values)
        case ast.BinOp(op=ast.Add()):
            parts = folded(node.left), folded(node.right)
            return "".join(part or "placeholder" for part in parts) if any(parts) else None
    return None


def tables_read(text: str, *, connection: duckdb.DuckDBPyConnection) -> list[list[str]] | None:
    """Names of the tables that a text reads, each as its path; None where it is no SQL.

    Whole queries are read, and parts of one: an expression with a subquery, a `from` with its joins.
    """
    if not re.search(r"\b(select|from|join)\b", text, re.IGNORECASE):
        return None
    for attempt in (text, f"select {text}", f"select * {text}", f"select * from placeholder {text}"):
        (answer,) = connection.execute("select json_serialize_sql(?::varchar)", [attempt]).fetchone()
        parsed = json.loads(answer)
        if not parsed["error"]:
            return list(base_tables(parsed["statements"]))
    return None


def base_tables(node: object) -> Iterator[list[str]]:
    if isinstance(node, list):
        for part in node:
            yield from base_tables(part)
    elif isinstance(node, dict):
        if node.get("type") in {"BASE_TABLE", "SHOW_REF"}:
            path = [node.get("catalog_name"), node.get("schema_name"), node.get("table_name")]
            yield [name for name in path if name] or node["qualified_name"].get("path", [])
        if node.get("type") == "TABLE_FUNCTION" and re.match(r"read_|glob|.*_scan", node["function"]["function_name"]):
            yield ["function", node["function"]["function_name"]]
        for part in node.values():
            yield from base_tables(part)


def qualified_tables(source: str) -> list[str]:
    """Tables in a module's SQL that name a schema or catalog, and files or functions that read one."""
    with duckdb.connect() as connection:
        paths = [path for text in texts_of(source) for path in tables_read(text, connection=connection) or []]
    return [".".join(path) for path in paths if len(path) > 1 or not re.fullmatch(r"\w+", path[0])]


def test_sql_of_analysis_is_unqualified():
    broken = {relative(path): found for path in sources("analysis") if (found := qualified_tables(path.read_text()))}
    assert broken == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('SQL = "select * from main.incident"', ["main.incident"]),
        (
            'SQL = """\n    with lost as (select * from snapshot.main.claim)\n    select * from lost"""',
            ["snapshot.main.claim"],
        ),
        ('SQL = "select 1 where exists (from other.t)"', ["other.t"]),
        ('SQL = f"select {column} from main.{table}"', ["main.placeholder"]),
        ('SQL = f"select {a}, {b} from main.trip where {a} > ?"', ["main.trip"]),
        ('SQL = "select * " + "from main.trip"', ["main.trip"]),
        ('PART = "(select max(x) from main.trip)"', ["main.trip"]),
        ('PART = "from main.trip join lane using (lane_id)"', ["main.trip"]),
        ('PART = "join main.lane using (lane_id)"', ["main.lane"]),
        ("SQL = \"select * from 'claims.parquet'\"", ["claims.parquet"]),
        ("SQL = \"select * from read_parquet('claims.parquet')\"", ["function.read_parquet"]),
    ],
)
def test_a_qualified_table_is_caught(source, found):
    assert set(qualified_tables(source)) == set(found)


@pytest.mark.parametrize(
    "source",
    [
        'SQL = "select i.category, count(*) from incident i join lane using (lane_id) group by all"',
        'SQL = f"with moved as (select * from trip) select {column} from moved"',
        'TEXT = "Losses from a.b to c.d were not selected"',
        'SQL = "select sum(amount) filter (where kind is distinct from l.kind) from lane l, unnest([1, 2]) t(x)"',
    ],
)
def test_a_plain_table_is_not_caught(source):
    assert qualified_tables(source) == []


# ---- nothing is fetched, everything is pinned


#: The name that tells a browser that an image is SVG: it reads like an address and is never asked for.
SVG_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'


def foreign_addresses(text: str) -> list[str]:
    text = text.replace(SVG_NAMESPACE, "")
    return URL.findall(text) + CDN_HOSTS.findall(text)


def test_pages_fetch_nothing_from_elsewhere():
    paths = [*sources("pages"), ROOT / "app.py", ROOT / ".streamlit" / "config.toml"]
    broken = {relative(path): found for path in paths if (found := foreign_addresses(path.read_text()))}
    assert broken == {}


def test_a_foreign_address_is_caught():
    assert foreign_addresses('st.markdown("<script src=//cdn.example.com/x.js>")') == ["//cdn.example.com"]
    assert foreign_addresses('deck(map_style="HTTPS://tiles.example.org/style.json")') == ["HTTPS://tiles.example.org"]
    assert foreign_addresses('requests.get("http://localhost:8501/geo/land.json"), 7 // 2') == []


def test_no_file_names_a_package_registry():
    folders = ("data", "analysis", "pages", "tests", ".ci", ".streamlit")
    endings = {".py", ".sql", ".toml", ".txt", ".md", ".cfg", ""}
    paths = [
        path for path in sources(*folders, ending="*") if path.suffix in endings and "__pycache__" not in path.parts
    ]
    paths += [path for path in ROOT.iterdir() if path.is_file() and path.suffix in endings and path.name != ".git"]
    assert [relative(path) for path in paths if REGISTRY_HOSTS.search(path.read_text(errors="replace"))] == []
    assert REGISTRY_HOSTS.search("--index-url https://" + "pypi" + ".org/simple")


def unpinned(text: str) -> list[str]:
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#") and line != "-r requirements.txt"]
    return [line for line in wanted if not re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\w.!+]+", line)]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly(name):
    assert unpinned((ROOT / name).read_text()) == []


def test_a_loose_requirement_is_caught():
    loose = ["pandas", "pandas>=3", "pandas==3.*", "pandas==3.1,<4", "-e .", "pandas @ file:///x"]
    assert unpinned("\n".join(["# a comment", "pandas==3.1.1", "-r requirements.txt", *loose])) == loose


# ---- size and names


def test_no_module_is_longer_than_a_person_reads():
    lengths = {
        relative(path): len(path.read_text().splitlines()) for path in sources("data", "analysis", "pages", "tests")
    }
    assert {path: lines for path, lines in lengths.items() if lines > LINE_LIMIT} == {}
    assert lengths


def test_no_module_has_a_name_that_says_nothing():
    names = {"utils", "helpers", "common", "misc"}
    assert [relative(path) for path in sources("data", "analysis", "pages") if path.stem in names] == []
