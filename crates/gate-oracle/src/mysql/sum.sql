checksum table shop.t, shop.u, shop.orders, shop.shelf, mysql.db, mysql.event, mysql.func, mysql.global_priv,
  mysql.plugin, mysql.procs_priv, mysql.roles_mapping, mysql.servers, mysql.tables_priv;
select next_not_cached_value from shop.s;
select db, name, md5(concat(param_list, returns, body)), comment from mysql.proc order by 1, 2;
select schema_name from information_schema.schemata order by 1;
select table_schema, table_name, table_type, engine from information_schema.tables
  where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys') order by 1, 2;
select md5(group_concat(variable_name, '=', global_value order by variable_name separator ';'))
  from information_schema.system_variables where global_value is not null and variable_name not like '%gtid%';
