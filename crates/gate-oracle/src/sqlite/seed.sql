create table t (id integer primary key, name text);
insert into t values (1, 'a'), (2, 'b'), (3, 'c');
create table u (id integer primary key, name text);
insert into u values (1, 'd'), (2, 'e');
create table orders (
  id integer primary key, item text not null, price real, placed text, doc text, t_id integer references t
);
insert into orders (item, price, placed, doc, t_id) values
  ('pen', 1.5, '2026-01-02 03:04:05', '{"n": 1, "k": {"d": [1, 2]}}', 1),
  ('ink', 7.25, '2026-02-03 04:05:06', '{"n": 2}', 2), ('cup', null, null, null, null);
create index by_item on orders (item);
create view v as select id from t;
create trigger kept after delete on t begin insert into u (name) values (old.name); end;
create virtual table notes using fts5 (body);
insert into notes values ('the quick brown fox'), ('a lazy dog');
create virtual table places using rtree (id, x0, x1);
insert into places values (1, 0, 1), (2, 5, 6);
pragma user_version = 7;
