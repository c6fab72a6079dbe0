use super::known::is_pure;
use super::*;

fn judge(sql: &str) -> Vec<Found> {
    super::judge(sql, &mut Session::default())
}

fn strictest(sql: &str) -> Effect {
    judge(sql)
        .into_iter()
        .map(|found| found.effect)
        .max()
        .unwrap()
}

#[test]
fn the_lists_are_found_by_halves() {
    for name in ["abs", "xpath_exists", "lower", "count"] {
        assert!(is_pure(name), "{name}");
    }
    assert!(!is_pure("pg_read_file"));
}

#[test]
fn what_only_reads_is_a_read() {
    for sql in [
        "select 1",
        "select count(*), max(id) from t where a = 'x' group by b having count(*) > 1",
        "with x as (select * from t) select * from x join y using (id) order by 1 limit 5",
        "select a::text, now() - interval '1 day' from s.t union select 'b', null",
        "explain select * from t",
        "explain analyze select * from t",
        "show server_version",
        "begin; select 1; commit",
        "select relname, pg_size_pretty(pg_relation_size(oid)) from pg_catalog.pg_class",
        "select * from generate_series(1, 3) as g",
        "select t.a, u.b[1] from t join u on t.id = u.id",
        "show work_mem",
        "show time zone",
        "select 'x'::text, '1'::int4, '{}'::text[], 'a'::inet, 't'::regclass, date '2020-01-01'",
        "select cast(a as double precision), b::timestamptz(3), c::numeric(3, 1) from t",
        "select random(), gen_random_uuid(), clock_timestamp(), ln(2), json_array_elements(j) from t",
        "select coalesce(a, b), trim(a), nullif(a, b), greatest(1, 2), current_user from t",
        "set statement_timeout = '5s'; select 1",
        "set local lock_timeout to 100",
        "select rolname from pg_roles order by rolname",
        "select r.rolname, r.rolsuper from pg_roles r where r.rolcanlogin",
        "select count(*) from pg_stat_activity where state = 'active'",
        "select pid, usename, state, wait_event from pg_catalog.pg_stat_activity a",
        "select query from t",
        // `unsigned` is the name of the column.
        "select '1'::int unsigned",
        "select $tag$ ; drop table t $tag$, E'a\\'b', U&'a'",
        "explain delete from t where a = 1",
        "explain (costs off) update t set a = 1",
        "declare c cursor for select * from t; fetch 5 from c; close c",
        "prepare p as select $1::int; execute p(1); deallocate p",
        "set transaction read only; set time zone 'UTC'; set datestyle to iso",
        "table t",
        "select * from only t",
        "select a.b.c from a",
        "select (a).* from a",
        "select x -> 'a' ->> 'b', x @> '{}', x operator(pg_catalog.+) 1 from t",
        "select jsonb_path_query(x, '$.a'), xmlelement(name a), json_value(x, '$.a') from t",
        "select * from json_table('[1]', '$[*]' columns (a int path '$')) as j",
    ] {
        assert_eq!(strictest(sql), Effect::Read, "{sql}: {:?}", judge(sql));
    }
}

#[test]
fn what_could_change_is_no_read() {
    for sql in [
        "DrOp TABLE \"t\"",
        "do 'begin execute x; end'",
        "explain analyze delete from t",
        "with x as (delete from t returning *) select * from x",
        "select * into t2 from t",
        "select * from t for update",
        "select pg_terminate_backend(1)",
        "select s.count(1)",
        "select \"Count\"(1)",
        "select * from pg_read_file('/etc/passwd')",
        "select nextval('s')",
        "select set_config('a', 'b', false)",
        "select dblink('x', 'drop table t')",
        "select lo_import('/etc/passwd')",
        "select query_to_xml('delete from t', true, true, '')",
        "prepare p as delete from t",
        "execute p",
        "begin read only; rollback; drop table t",
        "copy t to program 'sh'",
        "copy t to stdout",
        "set role admin",
        "call p()",
        "select * from pg_authid",
        "select 1 operator(public.+) 2",
        "vacuum",
        "listen x",
        "select case when 1 = 1 then f() end",
        "select * from t where exists (select f())",
        "select (select f()) order by f()",
        "select count(*) filter (where f()) from t",
        "select sum(a) over (partition by f()) from t",
        "values (f())",
        "select * from t limit f()",
        "select * from t tablesample bernoulli(f())",
        "select distinct on (f()) a from t",
        "select a from t group by f()",
        "select array[f()]",
        "select (f()).*",
        "select a[f()] from t",
        "select * from t join u on f()",
        "select * from lateral f() as x",
        "select sum(a) over w from t window w as (order by f())",
        "select string_agg(a, ',' order by f()) from t",
        "select percentile_cont(0.5) within group (order by f()) from t",
        "select * from t fetch first f() rows only",
        "select * from t offset f()",
        "table pg_authid",
    ] {
        assert!(strictest(sql) > Effect::Local, "{sql}: {:?}", judge(sql));
    }
}

#[test]
fn what_could_reveal_a_credential_or_call_a_function_is_no_read() {
    for sql in [
        "select * from only pg_authid",
        "select * from ONLY pg_subscription as s",
        "select * from only (pg_authid)",
        "select * from \"pg_authid\"",
        "select * from information_schema._pg_user_mappings",
        "select setting from pg_settings",
        "select setting from pg_catalog.pg_settings s where s.name = 'primary_conninfo'",
        "select * from pg_db_role_setting",
        "select current_setting('primary_conninfo')",
        "show all",
        "show primary_conninfo",
        "show SSL_passphrase_command",
        "select (t).evil from t",
        "select (select t from t limit 1).evil",
        "select ((t).a).evil from t",
        "select (array[t])[1].evil from t",
        "select evil(t) from t",
        "select evil(t.*) from t",
        "select rolconfig from pg_roles",
        "select \"rolconfig\" from pg_catalog.pg_roles",
        "select * from pg_roles",
        "select r.* from pg_roles as r",
        "select r from pg_roles r",
        "select to_json(r) from pg_roles r",
        "select pg_roles::text from pg_roles",
        "select count(r.pg_roles) from pg_roles r",
        "select h from pg_roles as x(a, b, c, d, e, f, g, h)",
        "select j from (pg_roles r join t on true) as j",
        "select useconfig from pg_user",
        "select query from pg_stat_activity",
        "select pid from pg_stat_activity where query like '%secret%'",
        "select 'x'::string",
        "select 'x'::clob",
        "select cast('x' as datetime)",
        "select '1'::tinyint",
        "select '1'::int64",
        "select '1'::uint8",
        "select 'x'::blob",
        "select '1'::double",
        "select 'x'::nvarchar",
        "select 'x'::string[]",
        "select datetime '2020-01-01'",
        "select '1'::\"integer\"",
        "select '1'::public.int4",
        "select \"trim\"('x')",
        "select \"coalesce\"(1, 2)",
        "select \"nullif\"(1, 2)",
        "select \"user\"()",
        "select \"greatest\"(1, 2)",
        "select pg_catalog.coalesce(1, 2)",
        "select * from \"current_date\"()",
        "set search_path = evil",
        "set statement_timeout = evil()",
        "set session_replication_role = replica",
        "set role postgres",
    ] {
        assert!(strictest(sql) > Effect::Local, "{sql}: {:?}", judge(sql));
    }
}

#[test]
fn a_deep_or_a_long_statement_is_read_on_a_small_stack() {
    let run = std::thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(|| {
            for sql in [
                format!("select 1{}", "+1".repeat(100_000)),
                format!("select {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
                format!(
                    "select {}1{}",
                    "(select ".repeat(20_000),
                    ")".repeat(20_000)
                ),
                format!("select * from t where id in (1{})", ",1".repeat(50_000)),
            ] {
                assert_eq!(strictest(&sql), Effect::Read);
            }
        });
    run.unwrap().join().unwrap();
}

/// Statements and their strictest effects.
const EFFECTS: &[(&str, Effect)] = &[
    ("alter table t drop column a", Effect::Destroy),
    ("alter table t owner to x", Effect::Access),
    ("alter table t enable row level security", Effect::Access),
    ("drop policy p on t", Effect::Access),
    (
        "alter default privileges grant select on tables to x",
        Effect::Access,
    ),
    ("grant select on t to x", Effect::Access),
    ("drop owned by x", Effect::Destroy),
    (
        "merge into t using s on true when matched then delete",
        Effect::Destroy,
    ),
    (
        "merge into t using s on true when matched then do nothing",
        Effect::Write,
    ),
    ("create table t (a my_type, b int default 1)", Effect::Write),
    ("create table t as select 1", Effect::Write),
    ("create schema s create table t (a int)", Effect::Write),
    (
        "create function f() returns int language sql as 'select 1'",
        Effect::Execute,
    ),
    ("create language plperlu", Effect::Execute),
    (
        "create aggregate a (int) (sfunc = f, stype = int)",
        Effect::Execute,
    ),
    ("create type t as (a int)", Effect::Write),
    ("create type t as enum ('a')", Effect::Write),
    ("create type t (input = f, output = g)", Effect::Execute),
    ("alter system set a = 1", Effect::Execute),
    ("refresh materialized view v", Effect::Execute),
    ("copy t from stdin", Effect::Write),
    ("copy (select * from t) to stdin", Effect::Secret),
    ("copy t to '/tmp/x'", Effect::Write),
    ("copy t from program 'x'", Effect::Execute),
    ("call p(1)", Effect::Execute),
    ("do 'begin end'", Effect::Unknown),
    ("prepare transaction 'x'", Effect::Write),
    ("set session authorization x", Effect::Access),
    ("set session role x", Effect::Access),
    ("reset role", Effect::Access),
    ("set \"role\" = x", Effect::Access),
    ("reset all", Effect::Unknown),
    ("discard all", Effect::Unknown),
    ("prepare p as delete from t; execute p", Effect::Destroy),
    ("explain (analyze) delete from t", Effect::Destroy),
    ("explain (\"analyze\" off) delete from t", Effect::Destroy),
    ("explain select pg_read_file('x')", Effect::Unknown),
    ("listen x", Effect::Write),
    ("select 1 for no key update of t", Effect::Write),
    ("select a from t tablesample mine(1)", Effect::Unknown),
    (
        "select U&\"pg\\005fauthid\".x from U&\"pg\\005fauthid\"",
        Effect::Unknown,
    ),
    ("select a[1].f from t", Effect::Unknown),
    ("select 'a' ~~~ 'b'", Effect::Unknown),
    (
        "with x as (update t set a = 1 returning a) select * from x",
        Effect::Write,
    ),
    ("select my_type '1'", Effect::Unknown),
    ("table pg_roles", Effect::Secret),
    ("select conninfo from pg_stat_wal_receiver", Effect::Secret),
];

#[test]
fn a_statement_has_the_effect_of_its_kind_wherever_it_stands() {
    for (sql, effect) in EFFECTS {
        assert_eq!(strictest(sql), *effect, "{sql}: {:?}", judge(sql));
    }
}
