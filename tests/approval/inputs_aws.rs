//! What the aws command line sends is what was approved, under the name that it
//! has: with the real one against moto.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose stage can't be set has failed"
)]

use std::path::{Path, PathBuf};

use gate_testkit::real::{Moto, locate, run as run_bare};

use crate::agent::{Agent, Ended, WITHIN};
use crate::binding::{approved_after, assert_refused};
use crate::server::Live;

/// An agent with aws in a folder, and the account that it acts on.
struct Scene<'a> {
    agent: Agent<'a>,
    _moto: Moto,
}

impl<'a> Scene<'a> {
    /// Sets it with a bucket `bucket`.
    fn set(live: &'a Live) -> Self {
        let moto = Moto::start().unwrap();
        let mut agent = Agent::new(live);
        agent.home.set_all(moto.environment());
        agent.home.set("AWS_PAGER", "cat");
        agent.home.link("aws", &locate("aws").unwrap()).unwrap();
        let scene = Self { agent, _moto: moto };
        scene.aws("s3 mb s3://bucket");
        scene
    }

    /// Runs aws without gate.
    fn aws(&self, words: &str) -> String {
        let mut command = self.agent.home.command("aws");
        let ran = run_bare(command.args(words.split(' ')), WITHIN).unwrap();
        ran.success().unwrap()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let name = format!("work/{name}");
        self.agent.home.write(&name, text).unwrap()
    }

    /// Asks for the words, writes `now` into a file, approves.
    fn swapped(&self, words: &str, file: &Path, now: &str) -> (String, Ended) {
        let words: Vec<&str> = words.split(' ').collect();
        let mut command = self.agent.gate_run(&[], &words);
        let swap = || std::fs::write(file, now).unwrap();
        approved_after(&self.agent, &mut command, swap)
    }

    /// Asks for the words, swaps a file, approves: nothing may run.
    #[track_caller]
    fn refused(&self, words: &str, file: &Path) {
        let (id, ended) = self.swapped(words, file, "evil");
        assert_refused(self.agent.live, &id, &ended, "inputs changed: the f");
    }

    /// Asks for the words, swaps a file, approves: they run.
    #[track_caller]
    fn ran(&self, words: &str, file: &Path, now: &str) {
        let (_, ended) = self.swapped(words, file, now);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

fn template(name: &str) -> String {
    format!(
        "{{\"Resources\":{{\"Q\":{{\"Type\":\"AWS::SQS::Queue\",\
         \"Properties\":{{\"QueueName\":\"{name}\"}}}}}}}}"
    )
}

#[test]
fn a_template_and_a_body_are_sent_as_they_were_approved() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let file = scene.write("t.json", &template("good"));
    let deploy = "aws cloudformation deploy --template-file t.json --stack-name s";
    scene.ran(deploy, &file, &template("evil"));
    let made = scene.aws("cloudformation list-stack-resources --stack-name s");
    assert!(made.contains("good") && !made.contains("evil"), "{made}");

    let body = scene.write("body", "good");
    let put = "aws s3api put-object --bucket bucket --key k --body body";
    scene.ran(put, &body, "evil");
    assert_eq!(scene.aws("s3 cp s3://bucket/k -"), "good");
    scene.agent.assert_log_verifies();
}

#[test]
fn a_file_that_is_stored_by_its_name_keeps_the_name() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let report = scene.write("report.csv", "good");
    let copy = "aws s3 cp report.csv s3://bucket/dir/";
    scene.ran(copy, &report, "evil");
    assert_eq!(scene.aws("s3 cp s3://bucket/dir/report.csv -"), "good");
    let listed = scene.aws("s3 ls --recursive s3://bucket/dir/");
    assert!(listed.trim_end().ends_with(" dir/report.csv"), "{listed}");
    scene.agent.assert_log_verifies();
}

#[test]
fn what_a_template_uploads_is_bound_with_it() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let code = scene.write("src/code.py", "good");
    let text = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      \
                CodeUri: src\n      Role: !Sub \"${AWS::Region}\"\n";
    scene.write("package.yaml", text);
    let package = "aws cloudformation package --template-file package.yaml --s3-bucket bucket";
    scene.refused(package, &code);
    assert_eq!(
        scene
            .aws("s3 ls --recursive s3://bucket --summarize")
            .matches("Total Objects: 0")
            .count(),
        1
    );
    scene.ran(package, &code, "evil");
    scene.agent.assert_log_verifies();
}

#[test]
fn what_would_be_fetched_after_the_approval_is_refused_before_it() {
    let live = Live::start();
    let scene = Scene::set(&live);
    let create = "iam create-policy --policy-name p --policy-document";
    let read = "iam list-users --path-prefix";
    for command in [create, read] {
        for fetched in [" https://example.test/p.json", "=http://127.0.0.1:9/p.json"] {
            let words = format!("aws {command}{fetched}");
            let words: Vec<&str> = words.split(' ').collect();
            let ran = crate::server::run(&mut scene.agent.gate_run(&["--no-wait"], &words));
            assert_eq!(ran.code, Some(126), "{ran:?}");
            let said = "gate: cannot bind the parameter `http";
            assert!(ran.stderr.contains(said), "{ran:?}");
        }
    }
    assert_eq!(crate::stage::requests(&live), [""; 0]);
}
