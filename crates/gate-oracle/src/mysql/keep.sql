create database kept;
create table kept.global_priv as select * from mysql.global_priv;
