do $$ declare it record; begin
  for it in select nspname as n from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema' loop
    execute format('drop schema %I cascade', it.n);
  end loop;
  for it in select evtname as n from pg_event_trigger loop execute format('drop event trigger %I', it.n); end loop;
  for it in select pubname as n from pg_publication loop execute format('drop publication %I', it.n); end loop;
  perform lo_unlink(oid) from pg_largeobject_metadata;
  perform pg_drop_replication_slot(slot_name) from pg_replication_slots;
  for it in select rolname as n from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres' loop
    execute format('drop owned by %I cascade', it.n);
    execute format('drop role %I', it.n);
  end loop;
end $$;
create schema public;
grant usage on schema public to public;
create role app login;
create table t (id int primary key, name text);
insert into t values (1, 'a'), (2, 'b'), (3, 'c');
create table u (id int primary key, name text);
insert into u values (1, 'd'), (2, 'e');
create sequence s;
create view v as select id from t;
create materialized view m as select 1 as one;
create function f() returns int language sql as $$ insert into u values (nextval('s')::int + 10, 'f') returning 1 $$;
create view writes_when_read as select f() as id;
create procedure p() language sql as 'delete from u';
create function trigger_f() returns trigger language plpgsql as 'begin return new; end';
create function evt() returns event_trigger language plpgsql as 'begin end';
create function plus(int, int) returns int language sql as 'select f()';
create operator %%% (leftarg = int, rightarg = int, function = plus);
create function lower(int) returns text language sql as $$ select f()::text $$;
create schema sneaky;
create function sneaky.lower(text) returns text language sql as $$ select public.f()::text $$;
select lo_from_bytea(4242, 'kept');
