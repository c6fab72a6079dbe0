drop database if exists shop;
create database shop;
use shop;
create table t (id int primary key, name varchar(40));
insert into t values (1, 'a'), (2, 'b'), (3, 'c');
create table u (id int auto_increment primary key, name varchar(40));
insert into u values (1, 'd'), (2, 'e');
create table orders (
  id int auto_increment primary key, item varchar(40) not null, price decimal(10, 2), placed datetime, doc json,
  t_id int, fulltext key words (item), foreign key (t_id) references t (id)
);
insert into orders (item, price, placed, doc, t_id) values
  ('pen', 1.50, '2026-01-02 03:04:05', '{"n": 1, "k": {"d": [1, 2]}}', 1),
  ('ink', 7.25, '2026-02-03 04:05:06', '{"n": 2}', 2), ('cup', null, null, null, null);
create table shelf (id int primary key, name varchar(40)) engine = myisam;
insert into shelf values (1, 'a');
create view v as select id from t;
create sequence s;
create procedure p() delete from u;
create procedure q() select 1;
create trigger kept after update on t for each row insert into u (name) values (old.name);
delimiter //
create function f() returns int
begin
  insert into u (name) values ('f');
  return 1;
end//
create function lower_twice(x varchar(40)) returns varchar(40)
begin
  insert into u (name) values ('l');
  return lower(x);
end//
create aggregate function loud(x int) returns int
begin
  declare continue handler for not found return 1;
  loop
    fetch group next row;
    insert into u (name) values ('g');
  end loop;
end//
delimiter ;
