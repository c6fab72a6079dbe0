select md5(coalesce(string_agg(x, '|' order by x), '')) from (
  select 't' || t::text as x from t
  union all select 'u' || u::text from u
  union all select 'o' || o::text from orders o
  union all select 'm' || m::text from m
  union all select 's' || last_value::text || is_called::text from s
  union all select 'q' || concat_ws(',', schemaname, sequencename, last_value) from pg_sequences
  union all select 'lo' || loid::text || pageno::text || md5(data) from pg_largeobject
  union all select 'lom' || l::text from pg_largeobject_metadata l
  union all select 'c' || concat_ws(',', relname, relnamespace, relkind, relowner, relacl, reloptions, relnatts, relhasindex, relhasrules, relhastriggers, relrowsecurity, relfilenode) from pg_class where oid >= 16384
  union all select 'a' || concat_ws(',', attrelid, attname, atttypid, attnotnull, attisdropped, attacl) from pg_attribute where attrelid >= 16384
  union all select 'p' || x::text from pg_proc x where oid >= 16384
  union all select 'ty' || x::text from pg_type x where oid >= 16384
  union all select 'k' || x::text from pg_constraint x where oid >= 16384
  union all select 'r' || x::text from pg_rewrite x where oid >= 16384
  union all select 'g' || x::text from pg_trigger x
  union all select 'et' || x::text from pg_event_trigger x
  union all select 'n' || x::text from pg_namespace x
  union all select 'e' || x::text from pg_extension x
  union all select 'd' || x::text from pg_description x where objoid >= 16384
  union all select 'po' || x::text from pg_policy x
  union all select 'pu' || x::text from pg_publication x
  union all select 'da' || x::text from pg_default_acl x
  union all select 'fs' || x::text from pg_foreign_server x
  union all select 'st' || x::text from pg_statistic_ext x
  union all select 'sc' || count(*)::text from pg_statistic where starelid >= 16384
  union all select 'ro' || x::text from pg_authid x
  union all select 'rm' || x::text from pg_auth_members x
  union all select 'rs' || concat_ws(',', setrole, setconfig) from pg_db_role_setting
  union all select 'db' || concat_ws(',', datname, datdba, datacl, datallowconn, datconnlimit) from pg_database
  union all select 'ts' || x::text from pg_tablespace x
  union all select 'rp' || slot_name from pg_replication_slots
  union all select 'fi' || concat_ws(',', name, setting) from pg_file_settings
  union all select 'px' || gid from pg_prepared_xacts
) as everything
