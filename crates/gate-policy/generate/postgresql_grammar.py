#!/usr/bin/env python3
"""Turns PostgreSQL's own grammar into the tables that gate-policy compiles in.

  postgresql_grammar.py SOURCE [--bison BISON]

SOURCE is an unpacked source tree of PostgreSQL, as `apt-get source postgresql-18` gives one. Writes
`grammar/postgresql.txt` (symbols, rules, keywords: what a person can read and review) and
`grammar/postgresql.tables` (the automaton that GNU bison makes of them, numbers only).
"""
import argparse, hashlib, pathlib, re, struct, subprocess, tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent / "grammar"


def array(text, name):
    """The numbers of one table of bison's C file."""
    body = re.search(r"static const \w+ %s\[\] =\s*\{(.*?)\};" % name, text, re.S).group(1)
    return [int(number) for number in re.findall(r"-?\d+", body)]


def define(text, name):
    return int(re.search(r"#define %s\s+\(?(-?\d+)" % name, text).group(1))


def without_code(text):
    """Takes comments and C code out of bison's rules; what is in quotes stays a symbol."""
    out, depth, at = [], 0, 0
    token = re.compile(r"/\*.*?\*/|//[^\n]*|'(?:\\.|[^'\\])'|\"(?:\\.|[^\"\\])*\"|.", re.S)
    for match in token.finditer(text):
        piece = match.group()
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
        elif piece.startswith(("/*", "//")):
            out.append(" ")
        elif depth == 0:
            out.append(piece)
    return "".join(out)


def rules(gram):
    """Each rule as (left, [right...]) in the order of the file, which is bison's."""
    body = without_code(gram.split("\n%%\n")[1])
    words = re.findall(r"'[^']'|%prec\s+\S+|%empty|[A-Za-z_][A-Za-z_0-9]*|[:|;]", body)
    left, right, found = None, [], []
    for index, word in enumerate(words):
        if index + 1 < len(words) and words[index + 1] == ":":
            left = word
        elif word == ":":
            right = []
        elif word in "|;" and left:
            found.append((left, right))
            right = []
            left = None if word == ";" else left
        elif not word.startswith("%"):
            right.append(word)
    return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("source", type=pathlib.Path)
    options.add_argument("--bison", default="bison")
    given = options.parse_args()
    gram_file = given.source / "src/backend/parser/gram.y"
    words_file = given.source / "src/include/parser/kwlist.h"
    version = re.search(r"PACKAGE_VERSION='([^']+)'", (given.source / "configure").read_text()).group(1)
    gram = gram_file.read_text()
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "gram.c"
        subprocess.run([given.bison, "-Wno-deprecated", "-k", "-o", made, gram_file], check=True)
        text = made.read_text()

    names = re.search(r"yytname\[\] =\s*\{(.*?)\};", text, re.S).group(1)
    names = [n.replace('\\"', '"') for n in re.findall(r'"((?:\\.|[^"\\])*)"', names)]
    tokens = define(text, "YYNTOKENS")
    left, length = array(text, "yyr1"), array(text, "yyr2")
    found = rules(gram)
    # Rule 0 stands for nothing, rule 1 is bison's own `$accept`.
    assert len(found) + 2 == len(left), (len(found), len(left))
    for number, (name, right) in enumerate(found, 2):
        assert names[left[number]] == name and length[number] == len(right), (number, name, right)

    digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    lines = [
        f"# PostgreSQL {version}, by generate/postgresql_grammar.py; see LICENSE.postgresql.",
        f"# gram.y sha256 {digest(gram_file)}",
        f"# kwlist.h sha256 {digest(words_file)}",
    ]
    for name in ["YYFINAL", "YYLAST", "YYNTOKENS", "YYNNTS", "YYNSTATES", "YYPACT_NINF", "YYTABLE_NINF"]:
        lines.append(f"define {name} {define(text, name)}")
    lines += [f"token {name}" for name in names[:tokens]]
    lines += [f"node {name}" for name in names[tokens:]]
    lines += [f"rule {name}: {' '.join(right)}".rstrip() for name, right in found]
    for word, token in re.findall(r'PG_KEYWORD\("(\w+)", (\w+),', words_file.read_text()):
        lines.append(f"keyword {word} {token}")
    (HERE / "postgresql.txt").write_text("\n".join(lines) + "\n")

    tables = b""
    for name, kind in [("yypact", "i"), ("yydefact", "h"), ("yypgoto", "h"), ("yydefgoto", "h"),
                       ("yytable", "h"), ("yycheck", "h"), ("yyr1", "h"), ("yyr2", "h")]:
        numbers = array(text, name)
        tables += struct.pack(f"<{len(numbers)}{kind}", *numbers)
    (HERE / "postgresql.tables").write_bytes(tables)


main()
