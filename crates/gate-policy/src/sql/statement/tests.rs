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
