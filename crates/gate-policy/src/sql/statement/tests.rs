use super::*;

fn strictest(sql: &str) -> Effect {
    judge(sql)
        .into_iter()
        .map(|(effect, _)| effect)
        .max()
        .unwrap()
}

#[test]
fn the_list_of_pure_functions_is_sorted() {
    assert!(PURE.is_sorted());
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
        "select '1'::int unsigned",
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
fn a_deep_statement_is_refused_and_a_long_list_is_not() {
    let deep = format!("select 1{}", "+1".repeat(100_000));
    assert_eq!(strictest(&deep), Effect::Unknown);
    let list = format!("select * from t where id in (1{})", ",1".repeat(5_000));
    assert_eq!(strictest(&list), Effect::Read);
}
