create database kept;
create table kept.global_priv as select * from mysql.global_priv;
create table kept.tables_priv as select * from mysql.tables_priv;
