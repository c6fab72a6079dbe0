delete from mysql.global_priv;
insert into mysql.global_priv select * from kept.global_priv;
delete from mysql.db;
delete from mysql.roles_mapping;
delete from mysql.procs_priv;
delete from mysql.tables_priv;
delete from mysql.event;
delete from mysql.servers;
flush privileges;
