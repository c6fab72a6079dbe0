//! Command lines and rules in any number, all different.

use std::fmt::Write as _;

use serde_json::json;

/// The tools whose decisions are timed.
pub(crate) const TOOLS: [&str; 4] = ["kubectl", "terraform", "aws", "psql"];

/// Returns `count` questions for `gate check --jsonl`, half of them about what only reads.
pub(crate) fn questions(tool: &str, count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let command = match (tool, number % 4) {
            ("kubectl", 0) => format!("kubectl get pods -n team-{number} -o wide"),
            ("kubectl", 1) => format!("kubectl --context=prod delete deployment web-{number}"),
            ("kubectl", 2) => format!("kubectl logs -f web-{number} --since=5m"),
            ("kubectl", _) => format!("kubectl scale deployment/web-{number} --replicas=3 -n prod"),
            ("terraform", 0) => format!("terraform state list module.net-{number}"),
            ("terraform", 1) => format!("terraform apply -auto-approve -target=aws_vpc.v{number}"),
            ("terraform", 2) => format!("terraform show -json plan-{number}"),
            ("terraform", _) => format!("terraform destroy -var name=v{number}"),
            ("aws", 0) => format!("aws ec2 describe-instances --instance-ids i-{number:08x}"),
            ("aws", 1) => format!("aws ec2 terminate-instances --instance-ids i-{number:08x}"),
            ("aws", 2) => format!("aws s3 ls s3://bucket-{number} --region eu-west-1"),
            ("aws", _) => format!("aws s3 rm s3://bucket-{number}/key --recursive"),
            (_, 0 | 2) => format!("psql -d shop -c@SELECT id, name FROM items WHERE id = {number}"),
            (_, _) => format!("psql -h db.prod -c@DELETE FROM items WHERE id = {number}"),
        };
        // What follows `@` is one word with spaces in it.
        let (words, last) = command
            .split_once('@')
            .map_or((command.as_str(), None), |(a, b)| (a, Some(b)));
        let argv: Vec<&str> = words.split(' ').chain(last).collect();
        let question = json!({ "id": number, "argv": argv });
        writeln!(text, "{question}").unwrap();
    }
    text
}

/// Returns `count` rules over all tools; none of them matches a question.
pub(crate) fn rules(count: usize) -> String {
    const COMMANDS: [(&str, &str); 4] = [
        ("kubectl", "delete"),
        ("terraform", "destroy"),
        ("aws", "s3 rm"),
        ("psql", "*"),
    ];
    let mut text = String::new();
    for number in 0..count {
        let (tool, command) = COMMANDS[number % COMMANDS.len()];
        let command = match command {
            "*" => String::new(),
            command => format!("command = [\"{command}\"]\n"),
        };
        writeln!(
            text,
            "[[rule]]\nid = \"bench/{number}\"\ntool = [\"{tool}\"]\n{command}\
             operands = [\"never-{number}-*\"]\ndecision = \"deny\"\n"
        )
        .unwrap();
    }
    text
}
