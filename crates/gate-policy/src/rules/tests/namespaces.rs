//! Rules that allow by a part of the target, and commands that act elsewhere too.

use super::*;

/// What a rule with these matchers makes of a command.
fn decided(matchers: &str, words: &[&str]) -> Decision {
    let text = format!(
        "[[rule]]\nid = \"staging\"\ntool = \"kubectl\"\n\
         effect = [\"write\", \"destroy\", \"access\", \"execute\"]\n{matchers}\ndecision = \"allow\"\n"
    );
    let words: Vec<&str> = ["kubectl", "-n", "staging"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    evaluate(&text, &words).decision
}

#[test]
fn a_rule_that_allows_in_a_namespace_lets_nothing_pass_that_acts_outside_of_it() {
    let by_field = "target = { namespace = \"staging\" }";
    let by_condition = "when = \"target.namespace == 'staging'\"";
    for words in [
        &["delete", "pods", "--all", "-A"][..],
        &["delete", "--all-namespaces=true", "deploy", "x"],
        &["delete", "ns", "prod"],
        &["delete", "pod,namespaces", "x"],
        &["delete", "pod/x", "node/y"],
        &["delete", "clusterissuers.cert-manager.io", "x"],
        &["delete", "PersistentVolume", "x"],
        &[
            "create",
            "clusterrolebinding",
            "x",
            "--clusterrole=y",
            "--user=z",
        ],
        &["create", "namespace", "x"],
        &["drain", "node-1"],
        &["certificate", "approve", "x"],
        &["cp", "a", "prod/web:/a"],
        &["apply", "-f", "a.yaml"],
        &["delete", "-k", "base"],
        &["proxy"],
        &["config", "use-context", "prod"],
    ] {
        for matchers in [by_field, by_condition] {
            assert_eq!(
                decided(matchers, words),
                Decision::RequireApproval,
                "{words:?}"
            );
        }
    }
    for words in [
        &["delete", "pods", "--all"][..],
        &["delete", "pods", "x", "-A=false"],
        &["delete", "pvc", "ns"],
        &["delete", "persistentvolumeclaims/x"],
        &["scale", "deploy/node", "--replicas=3"],
        &["cp", "dir/a", "web:/dir/a"],
        &["set", "image", "deploy/x", "c=registry/node:1"],
        &["rollout", "restart", "deploy"],
    ] {
        for matchers in [by_field, by_condition] {
            assert_eq!(decided(matchers, words), Decision::Allow, "{words:?}");
        }
    }
}

#[test]
fn a_rule_about_every_namespace_is_about_all_of_them() {
    let everywhere = "target = { namespace = \"*\" }";
    let words = ["delete", "pods", "--all", "-A"];
    assert_eq!(decided(everywhere, &words), Decision::Allow);
}

#[test]
fn what_a_command_reaches_beside_the_namespace_is_told() {
    let rules = "[[rule]]\nid = \"staging\"\ntool = \"kubectl\"\neffect = \"destroy\"\n\
                 target = { namespace = \"staging\" }\ndecision = \"allow\"\n";
    let words = ["kubectl", "-n", "staging", "delete", "ns", "prod"];
    let considered = machine(rules).consider(&invocation(&words), Path::new("/"), &occasion());
    let said = format!("{considered:?}");
    assert!(said.contains("nothing outside of it"), "{said}");
    assert!(said.contains("what stands in no namespace"), "{said}");
}

/// Of a tool and a part of its target: a command that stays there, and one that does not.
#[rustfmt::skip]
const OTHERS: &[(&str, &str, &str, &str)] = &[
    ("gh", "repo = 'a/b'", "gh pr merge 1 -R a/b", "gh pr merge https://github.com/c/d/pull/1 -R a/b"),
    ("gh", "repo = 'a/b'", "gh secret delete X -R a/b", "gh secret delete X -R a/b --org o"),
    ("gh", "repo = 'a/b'", "gh issue close 1 -R a/b", "gh issue transfer 1 c/d -R a/b"),
    ("docker", "context = 'dev'", "docker -c dev rm x", "docker -c dev context rm prod"),
    ("helm", "namespace = 'dev'", "helm -n dev uninstall x", "helm -n dev repo remove x"),
    ("redis-cli", "database = '1'", "redis-cli -n 1 flushdb", "redis-cli -n 1 FLUSHALL"),
    ("redis-cli", "database = '1'", "redis-cli -n 1 del k", "redis-cli -n 1 move k 2"),
    ("mysql", "database = 'shop'", "mysql shop -e 'drop table t'", "mysql shop -e 'drop table prod.t'"),
    ("mysql", "database = 'shop'", "mysql shop -e 'delete from t'", "mysql shop -e 'drop database prod'"),
    ("az", "subscription = 's'", "az vm delete -n x -g y --subscription s", "az vm delete --ids /subscriptions/p/x --subscription s"),
    ("gcloud", "project = 's'", "gcloud compute instances delete x --project s", "gcloud compute instances delete projects/p/zones/z/instances/x --project s"),
    ("systemctl", "unit = 'web'", "systemctl restart web", "systemctl restart web sshd"),
    ("terraform", "workspace = 'default'", "terraform apply", "terraform apply -state=../prod.tfstate"),
    ("terraform", "folder = 'staging'", "terraform -chdir=staging apply", "terraform -chdir=staging apply -state-out=x"),
    ("redis-cli", "database = '1'", "redis-cli -n 1 del k", "redis-cli -n 1 shutdown"),
    ("redis-cli", "database = '1'", "redis-cli -n 1 set k v", "redis-cli -n 1 replicaof other 6379"),
    ("psql", "database = 'shop'", "psql -d shop -c 'drop table t'", "psql -d shop -c 'drop database prod'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'delete from roles'", "psql -d shop -c 'drop tablespace t'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'select 1; drop table role'", "psql -d shop -c 'select 1; drop role r'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'begin; create table user_role (a int); commit'", "psql -d shop -c 'begin; create role e superuser; commit'"),
    ("psql", "database = 'shop'", "psql -d shop -c '/* drop role r */ drop table t'", "psql -d shop -c '/* x */ drop role r'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'create /**/ table role (a int)'", "psql -d shop -c 'create /**/ role x'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'grant select on t to x'", "psql -d shop -c 'grant pg_read_all_data to x'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'revoke all on schema s from x'", "psql -d shop -c 'revoke connect on database shop from x'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'comment on table t is $$on role$$'", "psql -d shop -c 'comment on role r is $$x$$'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'alter table t owner to x'", "psql -d shop -c 'drop owned by x'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'delete from database'", "psql -d shop -c 'delete from pg_catalog.pg_authid'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'insert into t select 1'", "psql -d shop -c 'create schema s grant create on database shop to x'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'insert into t select f(1)'", "psql -d shop -c 'insert into t select dblink_exec($$dbname=prod$$, $$drop table t$$)'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'insert into t select f(1)'", "psql -d shop -c 'insert into t select query_to_xml($$select dblink_exec(1, 2)$$, true, true, $$$$)'"),
    ("psql", "database = 'shop'", "psql -d shop -c '\\copy t from $$t.csv$$'", "psql -d shop -c 'copy t from $$/t.csv$$'"),
    ("psql", "database = 'shop'", "psql -d shop -c '\\conninfo'", "psql -d shop -c '\\timing \\c prod'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'drop table t'", "psql -d shop -c 'do $$begin drop role r; end$$'"),
    ("psql", "database = 'shop'", "psql -d shop -c 'drop table t'", "psql -d shop -c 'drop table t; no such statement'"),
    ("sqlite3", "database = 'dev.db'", "sqlite3 dev.db 'drop table t'", "sqlite3 dev.db 'attach \"prod.db\" as p; drop table p.t'"),
    ("ansible-playbook", "playbook = 'site.yml'", "ansible-playbook site.yml", "ansible-playbook prod.yml site.yml"),
    ("vault", "path = 'app/*'", "vault kv put app/x a=b", "vault kv put -mount=prod app/x a=b"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 ec2 delete-volume --volume-id v", "aws --region eu-west-1 s3 rb s3://prod"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 ec2 copy-snapshot --source-snapshot-id s --source-region eu-west-1", "aws --region eu-west-1 ec2 copy-snapshot --source-snapshot-id s --source-region eu-west-1 --destination-region us-east-1"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 sqs create-queue --queue-name q", "aws --region eu-west-1 kms replicate-key --key-id k --replica-region us-east-1"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 sqs create-queue --queue-name us-east", "aws --region eu-west-1 kms replicate-key --key-id k --replica-reg us-gov-east-1"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 dynamodb update-table --table-name t", "aws --region eu-west-1 dynamodb update-table --table-name t --replica-updates file://u"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 secretsmanager update-secret --secret-id s --description d", "aws --region eu-west-1 secretsmanager replicate-secret-to-regions --secret-id s --add-replica-regions Region=x"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 wafv2 delete-ip-set --name n --scope REGIONAL --id i --lock-token l", "aws --region eu-west-1 wafv2 delete-ip-set --name n --scope CLOUDFRONT --id i --lock-token l"),
    ("aws", "region = 'eu-west-1'", "aws --region eu-west-1 sns delete-topic --topic-arn arn:aws:sns:eu-west-1:1:t", "aws --region eu-west-1 sns delete-topic --topic-arn arn:aws:sns:ap-northeast-2:1:t"),
    ("gcloud", "zone = 'dev'", "gcloud compute instances delete x --zone dev", "gcloud compute instances delete zones/prod/instances/x --zone dev"),
    ("helm", "release = 'web'", "helm uninstall web", "helm uninstall prod web"),
];

#[test]
fn a_word_that_says_where_is_not_what_a_rule_allows_by_another_part_of_the_target() {
    for (tool, target, inside, outside) in OTHERS {
        let text = format!(
            "[[rule]]\nid = \"one\"\ntool = \"{tool}\"\neffect = [\"read\", \"write\", \"destroy\", \"execute\", \"access\", \"secret\", \"unknown\"]\n\
             target = {{ {target} }}\ndecision = \"allow\"\n"
        );
        for (line, decision) in [
            (inside, Decision::Allow),
            (outside, Decision::RequireApproval),
        ] {
            // What stands between quotes is one word.
            let mut words: Vec<&str> = Vec::new();
            for (at, part) in line.split('\'').enumerate() {
                match at % 2 {
                    0 => words.extend(part.split_whitespace()),
                    _ => words.push(part),
                }
            }
            assert_eq!(evaluate(&text, &words).decision, decision, "{line}");
        }
    }
}
