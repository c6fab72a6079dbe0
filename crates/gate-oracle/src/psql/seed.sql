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
alter role all reset all;
alter role postgres reset all;
alter database shop reset all;
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
create type mood as enum ('calm', 'cross');
create type pair as (a int, b text);
create function noted(int) returns boolean language plpgsql as 'begin perform f(); return true; end';
create domain checked as int check (noted(value));
create table orders (
  id int generated always as identity primary key, item text not null, price numeric(10, 2), placed timestamptz,
  tags text[], doc jsonb, feeling mood, span daterange, at point, t_id int references t
);
insert into orders (item, price, placed, tags, doc, feeling, span, at, t_id) values
  ('pen', 1.50, '2026-01-02 03:04:05+00', '{a,b}', '{"n": 1, "k": {"d": [1, 2]}}', 'calm', '[2026-01-01,2026-02-01)', '(1,2)', 1),
  ('ink', 7.25, '2026-02-03 04:05:06+00', '{c}', '{"n": 2}', 'cross', '[2026-03-01,2026-04-01)', '(3,4)', 2),
  ('cup', null, null, null, null, null, null, null, null);
create function touched(t) returns int language sql as 'select f()';
create aggregate loud(int) (sfunc = plus, stype = int, initcond = '0');
create view guarded as select id, item from orders;
create rule taken as on insert to guarded do instead delete from u;
create function on_orders() returns trigger language plpgsql as 'begin perform f(); return null; end';
create trigger after_orders after update on orders for each row execute function on_orders();
