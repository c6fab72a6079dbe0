//! kubectl, against two API servers that record what they are sent.

mod grammar;
mod objects;
mod server;

use std::path::{Path, PathBuf};

use gate_testkit::real::locate;

pub use grammar::case;

use crate::classifier::path_in;
use crate::play::Stage;
use crate::sandbox::Placed;
use crate::{Case, Kind, Outcome, Said, Sandbox, Seen, everything_is_read};
use server::{Request, Server};

/// Programs that kubectl could be brought to start.
const CANARIES: [&str; 9] = [
    "kubectl-peek",
    "kubectl-create-thing",
    "kubectl-krew",
    "canary",
    "canary-editor",
    "canary-diff",
    "helm",
    "vi",
    "kustomize",
];

/// A kubectl with its own folders and servers.
#[derive(Debug)]
pub struct Kubectl {
    tool: PathBuf,
    sandbox: Sandbox,
    first: Server,
    second: Server,
    // The cache of discovery, which outlives the commands.
    _cache: tempfile::TempDir,
}

impl Kubectl {
    /// Starts the servers and fills the cache of discovery.
    ///
    /// # Errors
    /// There is no kubectl, or it does not reach its server.
    pub fn new() -> Outcome<Self> {
        let (first, second) = (Server::start()?, Server::start()?);
        let cache = tempfile::tempdir()?;
        let mut sandbox = Sandbox::new()?;
        sandbox.name("a", format!("http://127.0.0.1:{}", first.port));
        sandbox.name("b", format!("http://127.0.0.1:{}", second.port));
        sandbox.link("home/.kube/cache", cache.path());
        sandbox.keep(
            "home/.kube/config",
            kubeconfig(first.port, second.port, "first"),
        );
        sandbox.keep(
            "cwd/other.config",
            kubeconfig(second.port, second.port, "first"),
        );
        sandbox.keep(
            "cwd/second.config",
            kubeconfig(first.port, second.port, "second"),
        );
        sandbox.keep(
            "cwd/plugin.config",
            plugin_config(first.port, &sandbox.path("bin/canary")),
        );
        sandbox.keep("cwd/web.yaml", MANIFEST);
        sandbox.keep("cwd/k/kustomization.yaml", "resources: [web.yaml]\n");
        sandbox.keep("cwd/k/web.yaml", MANIFEST);
        sandbox.keep("cwd/chart/kustomization.yaml", "helmCharts:\n- name: web\n");
        sandbox.keep("cwd/kept.txt", "kept");
        sandbox.keep("cwd/aliases.yaml", KUBERC);
        for name in CANARIES {
            sandbox.canary(name);
        }
        let mut stage = Self {
            tool: tool()?,
            sandbox,
            first,
            second,
            _cache: cache,
        };
        stage.warm()?;
        Ok(stage)
    }

    /// Asks both servers once, so that the commands of the cases find a cache.
    fn warm(&mut self) -> Outcome<()> {
        for context in ["first", "second"] {
            let argv = [
                "kubectl",
                "--context",
                context,
                "get",
                "pods,deployments,jobs",
            ];
            let case = Case::new(Kind::Read, "", argv.map(str::to_owned).to_vec());
            let placed = self.place(&case)?;
            let seen = self.see(&placed, &everything_is_read(&placed))?;
            if !seen.is_done {
                return Err(format!("kubectl does not reach its server: {seen:?}").into());
            }
        }
        Ok(())
    }

    /// The port that gate's target leads to.
    fn named_port(&self, said: &Said) -> Option<u16> {
        if let Some(server) = said.target.get("server") {
            return server
                .rsplit(':')
                .next()?
                .trim_end_matches('/')
                .parse()
                .ok();
        }
        let file = path_in(said, "kubeconfig").and_then(Path::file_name);
        if file.is_some_and(|name| name == "other.config") {
            return Some(self.second.port);
        }
        let context = said.target.get("context").map_or("", String::as_str);
        let is_second = match context {
            "" => file.is_some_and(|name| name == "second.config"),
            named => named == "second",
        };
        Some(if is_second {
            self.second.port
        } else {
            self.first.port
        })
    }
}

impl Stage for Kubectl {
    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        // What was still on its way of the command before.
        drop((self.first.take(), self.second.take()));
        let good: &[i32] = if placed.case.argv.iter().any(|word| word == "diff") {
            &[0, 1]
        } else {
            &[0]
        };
        let (mut seen, changed) = self.sandbox.watch(&self.tool, placed, said, good)?;
        let named = self.named_port(said);
        for server in [&self.first, &self.second] {
            for request in server.take() {
                let url = format!("http://127.0.0.1:{}{}", server.port, request.path);
                let is_fetched = said
                    .fetched
                    .iter()
                    .any(|fetched| url.starts_with(fetched.as_str()));
                if Some(server.port) != named && (!is_fetched || request.is_authorized) {
                    seen.redirects
                        .push(format!("redirect: {} {url}", request.method));
                }
                match meaning(&request) {
                    Meaning::Read => {}
                    // Admission still sees it, so that asking is not in vain.
                    Meaning::Rehearsal => seen.is_done = false,
                    Meaning::Change => seen
                        .mutations
                        .push(format!("sent: {} {}", request.method, request.path)),
                }
            }
        }
        seen.wrote(changed);
        Ok(seen)
    }
}

enum Meaning {
    Read,
    Rehearsal,
    Change,
}

fn meaning(request: &Request) -> Meaning {
    let runs_code = ["exec", "attach", "portforward", "proxy"];
    if request
        .path
        .split('/')
        .skip(6)
        .any(|part| runs_code.contains(&part))
    {
        return Meaning::Change;
    }
    if matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
        return Meaning::Read;
    }
    // These are questions that are posted: `selfsubjectaccessreviews` and its like.
    if request.method == "POST" && request.path.ends_with("reviews") {
        return Meaning::Read;
    }
    let body = String::from_utf8_lossy(&request.body);
    let in_query = request.query.split('&').any(|pair| pair == "dryRun=All");
    if in_query || body.contains("\"dryRun\":[\"All\"]") {
        return Meaning::Rehearsal;
    }
    Meaning::Change
}

/// The kubectl of the machine. `/usr/bin/kubectl` can be a dispatcher beside
/// the real ones: it asks its server for a version first. `GATE_ORACLE_KUBECTL`
/// names another.
fn tool() -> Outcome<PathBuf> {
    if let Some(named) = std::env::var_os("GATE_ORACLE_KUBECTL") {
        return Ok(named.into());
    }
    let found = locate("kubectl")?.canonicalize()?;
    let beside =
        ["1.33", "1.32", "1.31"].map(|version| found.with_file_name(format!("kubectl.{version}")));
    Ok(beside
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or(found))
}

const MANIFEST: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: default}\ndata: {k: new}\n";

const KUBERC: &str = "apiVersion: kubectl.config.k8s.io/v1alpha1\nkind: Preference\naliases:\n\
    - {name: peek, command: delete, appendArgs: [pods, web]}\n\
    overrides:\n- command: apply\n  flags: [{name: server-side, default: \"true\"}]\n";

fn kubeconfig(first: u16, second: u16, current: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- {{name: first, cluster: {{server: \"http://127.0.0.1:{first}\"}}}}
- {{name: second, cluster: {{server: \"http://127.0.0.1:{second}\"}}}}
users:
- {{name: u, user: {{token: t0ken}}}}
contexts:
- {{name: first, context: {{cluster: first, user: u, namespace: default}}}}
- {{name: second, context: {{cluster: second, user: u, namespace: default}}}}
current-context: {current}
"
    )
}

fn plugin_config(port: u16, program: &Path) -> String {
    kubeconfig(port, port, "first").replace(
        "{token: t0ken}",
        &format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: \"{}\"}}}}",
            program.display()
        ),
    )
}
