#!/usr/bin/env python3
"""Writes which functions of the modules that come with PostgreSQL do more than compute.

  PGHOST=… PGUSER=… postgresql_modules.py

Makes a database on that server, in it each module that has a script there, and writes
`grammar/postgresql_modules.txt`: the functions of those modules that run SQL that they are given,
read files or pages of any table, or change them. A module that is on neither list below is an error:
somebody has to look at it. The user must be a superuser; the database is dropped again.
"""
import pathlib, subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent / "grammar"
DATABASE = "gate_modules"

# All of their functions count.
REACHING = ["adminpack", "amcheck", "dblink", "file_fdw", "lo", "old_snapshot", "pageinspect", "pg_buffercache",
            "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pg_surgery", "pg_visibility", "pg_walinspect",
            "pgrowlocks", "pgstattuple", "postgres_fdw", "xml2"]
# Theirs only compute, are the hands of types, operators, indexes and dictionaries, or run as triggers.
COMPUTING = ["autoinc", "bloom", "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_xsyn", "earthdistance",
             "fuzzystrmatch", "hstore", "insert_username", "intagg", "intarray", "isn", "ltree", "moddatetime",
             "pg_trgm", "pgcrypto", "plpgsql", "refint", "seg", "sslinfo", "tcn", "tsm_system_rows", "tsm_system_time",
             "unaccent", "uuid-ossp"]
# Those of these functions count that run SQL that they are given.
SOME = {"tablefunc": ["connectby", "crosstab", "crosstab2", "crosstab3", "crosstab4", "crosstab_hash"]}
# Of those whose functions count, the ones that look at nothing but their arguments.
HARMLESS = {"heap_tuple_infomask_flags", "page_checksum", "xml_encode_special_chars"}
# Of languages beside the server, of which a machine need not have any: they are looked at where they are.
OTHERS = ("pl", "hstore_pl", "jsonb_pl", "ltree_pl", "bool_pl")
# How names begin that are known without a list (`REACHING` of `known.rs`).
BEGINNINGS = ("autoprewarm_", "binary_upgrade_", "crosstab", "dblink", "file_fdw_", "lo_", "pg_", "postgres_fdw_")
# Of later versions than the one that was asked.
LATER = ["bt_multi_page_stats", "gin_index_check"]

MODULES = "select name from pg_available_extensions order by name"
FUNCTIONS = """
  select distinct p.proname from pg_depend d join pg_extension e on e.oid = d.refobjid
  join pg_proc p on p.oid = d.objid where d.classid = 'pg_proc'::regclass
  and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e' and e.extname = '{}' and not exists (
    select 1 from unnest(array[p.prorettype] || p.proargtypes::oid[]) a(t) join pg_type t on t.oid = a.t
    where t.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
      'table_am_handler', 'index_am_handler', 'tsm_handler'))
"""


def ask(query, database=DATABASE):
    run = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", query]
    return subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")[:-1]


def functions(module):
    ask(f'create extension if not exists "{module}" cascade')
    names = ask(FUNCTIONS.format(module))
    if module in SOME:
        return [name for name in names if name in SOME[module]]
    return names if module in REACHING else []


def main():
    ask(f"create database {DATABASE} template template0", "postgres")
    try:
        found = set(LATER)
        for module in ask(MODULES):
            if module not in REACHING + COMPUTING + list(SOME):
                if module.startswith(OTHERS):
                    continue
                raise SystemExit(f"{module}: nobody looked at this module")
            found |= set(functions(module))
        version = ask("select version()")[0].split(" on ")[0]
    finally:
        ask(f"drop database {DATABASE}", "postgres")
    names = sorted(name for name in found - HARMLESS if not name.startswith(BEGINNINGS))
    lines = [f"# {version}, by generate/postgresql_modules.py"] + [f"module {name}" for name in names]
    (HERE / "postgresql_modules.txt").write_text("\n".join(lines) + "\n")


main()
