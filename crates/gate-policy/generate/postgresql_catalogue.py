#!/usr/bin/env python3
"""Writes what the catalogue of a real PostgreSQL knows to change and to reveal nothing.

  PGHOST=… PGUSER=… postgresql_catalogue.py

Writes `grammar/postgresql_catalogue.txt`: functions, types and operators by name. A function is on it as `function`
when every function of its name in `pg_catalog` is stable or immutable and takes and gives values only,
and when no pattern below says that it reveals, signals, locks, or reads more than its arguments and
the catalogue; as `other` when it is none of these and can be called. An operator is on it when each of
its functions is.
"""
import pathlib, re, subprocess

HERE = pathlib.Path(__file__).resolve().parent.parent / "grammar"

# Stable or immutable, and yet more than a value: text of other sessions, settings and their files,
# connection strings, whole tables by name, samples of rows, files of the server, the number of a
# transaction (which starts one), the hands of the server's own machinery.
REVEALS = [
    r"current_setting", r"pg_show_.*", r"pg_config", r"pg_hba_.*", r"pg_ident_.*", r"pg_file_.*",
    r"pg_conf_.*", r"pg_options_to_table", r"pg_stat_get_.*", r"pg_cursor", r"pg_prepared_.*", r"pg_lock.*", r"pg_get_.*slots?.*",
    r"(table|database|schema|cursor|query)_to_xml.*", r"pg_mcv_list_items", r"pg_(ls|read|stat)_.*file.*",
    r"pg_stat_file", r"pg_ls_.*", r"pg_read_.*", r"lo_.*", r"lo[a-z]*", r"txid_current.*", r"pg_current_xact_id.*",
    r"pg_current_wal_.*", r"binary_upgrade_.*", r"brin_.*", r"gin_.*", r"pg_event_trigger_.*", r"pg_logical_.*",
    r"pg_replication_.*", r"pg_wal_.*", r"pg_xact_.*", r"pg_last_committed_xact", r"pg_trigger_depth",
    r"pg_snapshot_.*", r"pg_blocking_pids", r"pg_safe_.*", r"pg_isolation_.*", r"dist_.*", r".*_(in|out|recv|send)",
    r".*(in|out)_.*extend", r"hash.*_extended", r".*_transfn", r".*_finalfn", r".*_accum(_inv)?", r".*_combine",
    r".*_(de)?serialize", r"(btree|hash|gist|spgist|gin|brin|heap)[a-z_]*handler", r".*_support", r".*typmod(in|out)",
    r"pg_partition_.*", r"pg_jit_available", r"amvalidate", r"pg_index.*_has_property", r"has_.*", r"row_security_active",
    r"pg_get_(userbyid|role.*)", r"pg_timezone_.*", r"pg_available_.*", r"pg_extension_.*", r"pg_tablespace_databases",
    r"pg_nextoid", r"pg_column_.*", r"ts_rewrite", r"ts_stat", r".*send", r".*_validator", r"xmlvalidate", r"acl(insert|remove)", r".*_statefunc",
    r"pg_(brin|dependencies|ndistinct|node_tree|mcv).*",
]
# Of the patterns, what is harmless after all.
HARMLESS = ["pg_get_userbyid", "pg_column_size", "pg_column_compression", "pg_partition_tree", "pg_partition_root",
            "pg_partition_ancestors", "pg_safe_snapshot_blocking_pids", "pg_blocking_pids", "pg_current_wal_lsn",
            "pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_wal_lsn_diff", "log", "lower", "lower_inc",
            "lower_inf"]
HARMLESS += [f"has_{kind}_privilege" for kind in
             ["any_column", "column", "database", "foreign_data_wrapper", "function", "language", "schema", "sequence",
              "server", "table", "tablespace", "type"]]
# Volatile, and yet no more than a value: clocks, dice, sizes, the state of the server.
VOLATILE = ["clock_timestamp", "gen_random_uuid", "pg_backend_pid", "pg_database_size", "pg_indexes_size",
            "pg_is_in_recovery", "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp",
            "pg_postmaster_start_time", "pg_relation_size", "pg_table_size", "pg_tablespace_size",
            "pg_total_relation_size", "random", "statement_timestamp", "timeofday", "version"]
# Of later versions than the one that was asked.
LATER = ["any_value", "array_reverse", "array_sample", "array_shuffle", "array_sort", "casefold", "crc32", "crc32c",
         "date_add", "date_subtract", "erf", "erfc", "gamma", "lgamma", "pg_basetype", "random_normal",
         "regexp_count", "regexp_instr", "regexp_like", "regexp_substr", "to_bin", "to_oct", "unicode_assigned",
         "unicode_version", "uuidv4", "uuidv7", "uuid_extract_timestamp", "uuid_extract_version"]
# The hands of an operator that people call by name too.
BOTH = {"array_cat", "isempty", "mod", "range_merge", "repeat", "starts_with"}

SAFE = """
  select p.oid, p.proname, not exists (
    select 1 from unnest(array[p.prorettype] || p.proargtypes::oid[] || coalesce(p.proallargtypes, '{}')) a(t)
    join pg_type t on t.oid = a.t
    where t.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
      'table_am_handler', 'index_am_handler', 'tsm_handler', 'void', 'refcursor'))
  and (p.provolatile <> 'v' or p.prokind = 'a') and p.prokind in ('f', 'a', 'w') as safe
  from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
"""
FUNCTIONS = f"select proname from ({SAFE}) s group by proname having bool_and(safe)"
# The hands of operators and of indexes, which nobody calls by name.
HANDS = """
  select p.proname from pg_proc p join pg_description d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass
  where d.description like 'implementation of %operator' or d.description like 'internal %'
    or d.description like '%less-equal-greater%' or d.description like '%equal image' or d.description like 'hash%'
    or d.description like 'restriction %' or d.description like 'join %' or d.description like 'convert %collation%'
  union select proname from pg_proc p join pg_amproc a on a.amproc = p.oid
"""
CALLABLE = """
  select distinct p.proname from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and not exists (
    select 1 from unnest(array[p.prorettype] || p.proargtypes::oid[]) a(t) join pg_type t on t.oid = a.t
    where t.typname in ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
      'table_am_handler', 'index_am_handler', 'tsm_handler'))
"""
TYPES = """
  select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm')
  and typname !~ '^_' and typname not in ('refcursor', 'pg_ddl_command', 'txid_snapshot')
  and typname !~ '^(pg_(brin|dependencies|ndistinct|node_tree|mcv)|gts)'
"""
OPERATORS = f"""
  select o.oprname from pg_operator o left join ({SAFE}) s on s.oid = o.oprcode
  where o.oprnamespace = 'pg_catalog'::regnamespace group by o.oprname having bool_and(coalesce(s.safe, false))
"""


def ask(query):
    run = ["psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-c", query]
    return subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\n")[:-1]


def main():
    reveals = re.compile("|".join(f"(?:{pattern})" for pattern in REVEALS))
    functions = {name for name in ask(FUNCTIONS) if name in HARMLESS or not reveals.fullmatch(name)}
    functions -= set(ask(HANDS)) - set(ask("select proname from pg_proc where prokind <> 'f'"))
    functions |= set(VOLATILE) | set(LATER) | BOTH
    others = set(ask(CALLABLE)) - functions - set(ask(HANDS))
    lines = [f"# {ask('select version()')[0].split(' on ')[0]}, by generate/postgresql_catalogue.py"]
    lists = [("function", functions), ("other", others), ("type", ask(TYPES)), ("operator", ask(OPERATORS))]
    for kind, names in lists:
        lines += [f"{kind} {name}" for name in sorted(names)]
    (HERE / "postgresql_catalogue.txt").write_text("\n".join(lines) + "\n")


main()
