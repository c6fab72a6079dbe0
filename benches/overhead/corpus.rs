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

/// The rules of one file, at most: a file of them has at most 8 MiB.
const RULES_OF_FILE: usize = 10_000;

/// Returns `count` rules over all tools in files; none of them matches a question. A quarter is
/// about psql, which has no subcommands: what tells its rules apart is the database.
pub(crate) fn rules(count: usize) -> impl Iterator<Item = String> {
    let numbers = move |start: usize| start..count.min(start + RULES_OF_FILE);
    let starts = (0..count.max(1)).step_by(RULES_OF_FILE);
    starts.map(move |start| numbers(start).map(rule).collect())
}

fn rule(number: usize) -> String {
    let (tool, of_what) = match number % 4 {
        0 => ("kubectl", "command = \"delete\"\noperands"),
        1 => ("terraform", "command = \"destroy\"\noperands"),
        2 => ("aws", "command = \"s3 rm\"\noperands"),
        _ => {
            return format!(
                "[[rule]]\nid = \"bench/{number}\"\ntool = \"psql\"\n\
                 target = {{ database = \"never-{number}\" }}\ndecision = \"deny\"\n\n"
            );
        }
    };
    format!(
        "[[rule]]\nid = \"bench/{number}\"\ntool = \"{tool}\"\n\
         {of_what} = [\"never-{number}-*\"]\ndecision = \"deny\"\n\n"
    )
}
