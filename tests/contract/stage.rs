//! Where the cases play: a real server whose rules let everything pass, another one with somebody
//! who approves everything, and a home for each test.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gate_client::{Client, ClientSettings, ListQuery};
use gate_protocol::request::ApprovalStatus;
use gate_protocol::review::{Answer, SubmitReview};
use gate_testkit::home::Home;
use tempfile::TempDir;

use crate::server::{GATE, Live, run};

/// The owner's word that everything may pass: a user's own rule can't say that.
const EVERYTHING_PASSES: &str =
    "[[rule]]\nid = \"contract/everything\"\neverything = true\ndecision = \"allow\"\n";

/// The same, by somebody who wants to know how it ends.
const EVERYTHING_IS_RECORDED: &str = "[[rule]]\nid = \"contract/recorded\"\neverything = true\ndecision = \"allow\"\n\
     record = \"outcome\"\n";

/// What the rules say to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    /// A server's rules let it pass.
    Allowed,
    /// A server's rules let it pass, and want to know how it ends.
    Recorded,
    /// Nothing but the baseline knows it, which asks, and bob approves.
    Approved,
}

/// The programs that stand before a tool, in one folder.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) folder: PathBuf,
}

/// Names by which a tool is called, each with a shim.
const NAMES: [&str; 3] = ["probe", "basename", "no-such-tool-anywhere"];

impl Programs {
    /// Built from `stage.c`.
    pub(crate) fn stage(&self) -> PathBuf {
        self.folder.join("stage")
    }

    /// A link to the small program, whose own name means nothing.
    pub(crate) fn shim(&self) -> PathBuf {
        self.folder.join("shim")
    }

    /// The same, to gate itself.
    pub(crate) fn whole(&self) -> PathBuf {
        self.folder.join("whole")
    }

    /// A folder of shims in the tools' names.
    pub(crate) fn front(&self) -> PathBuf {
        self.folder.join("front")
    }

    /// A folder with nothing in it.
    pub(crate) fn empty(&self) -> PathBuf {
        self.folder.join("empty")
    }

    fn set(&self) {
        compile(&self.stage());
        let small = shim_program();
        symlink(&small, self.shim()).unwrap();
        symlink(GATE, self.whole()).unwrap();
        for folder in [self.front(), self.empty()] {
            std::fs::create_dir(folder).unwrap();
        }
        for name in NAMES {
            symlink(&small, self.front().join(name)).unwrap();
        }
    }
}

/// The servers, the approver and the programs. Dropping it ends them.
pub(crate) struct Stage {
    pub(crate) programs: Programs,
    /// Homes that have fetched the rules by which everything passes.
    passed: Home,
    recorded: Home,
    approver: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
    asking: Live,
    passing: Live,
    recording: Live,
    _folder: TempDir,
}

impl Stage {
    pub(crate) fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs {
            folder: folder.path().to_owned(),
        };
        programs.set();
        let (asking, passing, recording) = (Live::start(), Live::start(), Live::start());
        let is_over = Arc::new(AtomicBool::new(false));
        let approver = approve_everything(&asking, Arc::clone(&is_over));
        Self {
            programs,
            passed: fetch_rules(&passing, EVERYTHING_PASSES),
            recorded: fetch_rules(&recording, EVERYTHING_IS_RECORDED),
            approver: Some(approver),
            is_over,
            asking,
            passing,
            recording,
            _folder: folder,
        }
    }

    /// Returns a home for one test, and with it a runner key of its own: two cases that run the same
    /// command at once ask for two approvals. `tools` is searched for tools before the system is.
    pub(crate) fn home(&self, answered: Answered, tools: &Path) -> Home {
        let (live, fetched) = match answered {
            Answered::Allowed => (&self.passing, Some(&self.passed)),
            Answered::Recorded => (&self.recording, Some(&self.recorded)),
            Answered::Approved => (&self.asking, None),
        };
        let mut home = home_at(live);
        home.set_path(&[tools, Path::new("/usr/bin"), Path::new("/bin")])
            .unwrap();
        if let Some(fetched) = fetched {
            let from = fetched.state().join("gate/rules");
            for entry in std::fs::read_dir(from).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                let to = format!(".local/state/gate/rules/{name}");
                home.write(&to, std::fs::read(&path).unwrap()).unwrap();
            }
            compile_rules(&home);
        }
        home
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(approver) = self.approver.take() {
            drop(approver.join());
        }
    }
}

/// The shim that `cargo test --workspace` built beside gate.
fn shim_program() -> PathBuf {
    let shim = Path::new(GATE).with_file_name("gate-shim");
    assert!(shim.exists(), "build it: cargo build --workspace --bins");
    shim
}

/// Compiles the rules, as soon as they are old enough for that, so that the shim decides by itself.
fn compile_rules(home: &Home) {
    loop {
        let ran = run(home.command(GATE).args(["rules", "compile"]));
        if ran.code == Some(0) {
            return;
        }
        assert!(ran.stderr.contains("this very moment"), "{}", ran.stderr);
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn compile(program: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/stage.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-O1", "-Wall", "-Werror", "-o"])
        .args([program, &source])
        .status()
        .unwrap();
    assert!(status.success(), "cannot build {}", source.display());
}

fn home_at(live: &Live) -> Home {
    let mut home = Home::new().unwrap();
    let (url, key) = (live.said("/url"), live.said("/server/grant_key"));
    let text = format!("[server]\nurl = '{url}'\n\n[keys]\n'{url}' = '{key}'\n");
    home.write(".config/gate/config.toml", text).unwrap();
    home.set("GATE_TOKEN", live.said("/tokens/agent"));
    home
}

fn fetch_rules(live: &Live, text: &str) -> Home {
    let home = home_at(live);
    let rules = home.write("rules.toml", text).unwrap();
    let push = ["rules", "push", rules.to_str().unwrap()];
    let mut pull = home.command(GATE);
    pull.args(["rules", "pull"]);
    for mut command in [live.gate("admin", &push), pull] {
        let ran = run(&mut command);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }
    home
}

/// Approves as bob whatever is asked, until it is over.
fn approve_everything(live: &Live, is_over: Arc<AtomicBool>) -> JoinHandle<()> {
    let settings = ClientSettings::new(live.said("/url").parse().unwrap())
        .with_token(live.said("/tokens/bob_approver").parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let client = Client::new(settings).unwrap();
            while !is_over.load(Ordering::SeqCst) {
                approve_pending(&client).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    })
}

/// A list that fails is fetched again soon, and a request that is gone was given up by its case:
/// whatever really goes wrong here, a case waits in vain and says so.
async fn approve_pending(client: &Client) {
    let pending = ListQuery {
        status: Some(ApprovalStatus::Pending),
        ..ListQuery::default()
    };
    let Ok(page) = client.list(&pending).await else {
        return;
    };
    for request in page.requests {
        let review = SubmitReview {
            answer: Answer::Approve,
            digest: request.digest,
            comment: None,
        };
        drop(client.review(request.id, &review).await);
    }
}
