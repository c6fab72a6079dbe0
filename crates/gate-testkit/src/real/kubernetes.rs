//! A real Kubernetes API server with its store, on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::daemon::{folder, with_free_ports, write};
use super::kube_audit::read_events;
use super::kube_pki::write_certificates;
use super::{AuditEvent, Completed, Daemon, RealError, locate, run};

const READY_WITHIN: Duration = Duration::from_mins(2);
const KUBECTL_WITHIN: Duration = Duration::from_mins(1);
/// The user of our own requests, which the oracle leaves out.
const OWN_USER: &str = "testkit";

/// token, user, id, groups. `admin` may do all, `dev` nothing until a role is bound.
const TOKENS: &str = "\
admin-token,admin,admin,\"system:masters\"
dev-token,dev,dev,\"devs\"
testkit-token,testkit,testkit,\"system:masters\"
";

/// Every request twice: when it arrives, so that nothing is acted on unseen, and with its answer.
const AUDIT_POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
";

/// A cluster without nodes: kube-apiserver with RBAC, and etcd.
#[derive(Debug)]
pub struct KubeCluster {
    // Dropped in this order: the server before its store, both before their folder.
    server: Daemon,
    store: Daemon,
    folder: TempDir,
}

impl KubeCluster {
    /// Starts a cluster.
    ///
    /// # Errors
    /// [`RealError`] when a program is missing or not ready within two minutes.
    pub fn start() -> Result<Self, RealError> {
        let folder = folder()?;
        let base = folder.path();
        write_certificates(base)?;
        write(&base.join("tokens.csv"), TOKENS)?;
        write(&base.join("audit.yaml"), AUDIT_POLICY)?;
        let (store_port, store) = with_free_ports(|ports| start_store(base, ports))?;
        let server = with_free_ports(|[port]| start_server(base, store_port, port))?;
        Ok(Self {
            server,
            store,
            folder,
        })
    }

    /// Returns the kubeconfig: contexts `admin` (the current one) and `dev`, one for each user of that
    /// name.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Runs kubectl as a user who may do all and whom the oracle does not see, to arrange a test.
    ///
    /// # Errors
    /// [`RealError`] when it cannot be run; a failing kubectl is in the answer.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Completed, RealError> {
        own_kubectl(self.folder.path(), arguments)
    }

    /// Returns the requests that have reached the server, in the order of arrival: the oracle. A request
    /// is in it before the server acts on it; its `code` may come a moment after the client has it.
    ///
    /// # Errors
    /// [`RealError`] when the log cannot be read.
    pub fn audit_events(&self) -> Result<Vec<AuditEvent>, RealError> {
        let path = self.folder.path().join("audit.log");
        let bytes = fs::read(&path).map_err(RealError::system("read the audit log"))?;
        read_events(&String::from_utf8_lossy(&bytes), OWN_USER)
    }

    /// Waits for a request that has what is `wanted` and returns it.
    ///
    /// # Errors
    /// [`RealError::Unreadable`] with all requests when none is among them in time.
    pub fn wait_for_event(
        &self,
        within: Duration,
        wanted: impl Fn(&AuditEvent) -> bool,
    ) -> Result<AuditEvent, RealError> {
        let deadline = Instant::now() + within;
        loop {
            let events = self.audit_events()?;
            if let Some(event) = events.iter().find(|event| wanted(event)) {
                return Ok(event.clone());
            }
            if Instant::now() >= deadline {
                let reason = format!("the request did not come; there are {events:#?}");
                return Err(RealError::unreadable("the cluster's audit log", reason));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the process ids of the server and its store.
    pub fn process_ids(&self) -> [u32; 2] {
        [self.server.id(), self.store.id()]
    }

    /// Stops the server and its store and waits for their end.
    ///
    /// # Errors
    /// [`RealError::System`] when they cannot be waited for.
    pub fn stop(mut self) -> Result<(), RealError> {
        self.server.stop(Duration::from_secs(10))?;
        self.store.stop(Duration::from_secs(10)).map(drop)
    }
}

/// A command with nothing of the machine but a PATH.
fn bare_command(base: &Path, program: &str) -> Result<Command, RealError> {
    let mut command = Command::new(locate(program)?);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", base)
        .env("TMPDIR", base)
        .current_dir(base);
    Ok(command)
}

fn start_store(base: &Path, [port, peer]: [u16; 2]) -> Result<(u16, Daemon), RealError> {
    let data = base.join("etcd");
    // A first attempt on a port that was taken may have left something.
    drop(fs::remove_dir_all(&data));
    let (clients, peers) = (
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let mut command = bare_command(base, "etcd")?;
    command
        .arg("--data-dir")
        .arg(&data)
        .args([
            "--listen-client-urls",
            &clients,
            "--advertise-client-urls",
            &clients,
        ])
        .args([
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
        ])
        .args(["--initial-cluster", &format!("default={peers}")])
        .args(["--log-level", "warn", "--unsafe-no-fsync"]);
    let mut store = Daemon::start("etcd", &mut command, Stdio::null(), &base.join("etcd.log"))?;
    store.wait_until(READY_WITHIN, || {
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
    })?;
    Ok((port, store))
}

fn start_server(base: &Path, store_port: u16, port: u16) -> Result<Daemon, RealError> {
    write(
        &base.join("kubeconfig"),
        kubeconfig(base, port, &["admin", "dev"]),
    )?;
    write(
        &base.join("own-kubeconfig"),
        kubeconfig(base, port, &[OWN_USER]),
    )?;
    let file = |name: &str| base.join(name).display().to_string();
    let mut command = bare_command(base, "kube-apiserver")?;
    command.args([
        format!("--etcd-servers=http://127.0.0.1:{store_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certificates")),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "--service-account-signing-key-file={}",
            file("accounts.key")
        ),
        format!("--service-account-key-file={}", file("accounts.pub")),
        "--api-audiences=gate".to_owned(),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".to_owned(),
        // It would wait for tokens that only the controller manager makes.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--audit-policy-file={}", file("audit.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
        "--audit-log-mode=blocking".to_owned(),
    ]);
    let log = base.join("kube-apiserver.log");
    let mut server = Daemon::start("kube-apiserver", &mut command, Stdio::null(), &log)?;
    server.wait_until(READY_WITHIN, || {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            return Ok(false);
        }
        let answer = own_kubectl(base, &["get", "--raw", "/readyz"])?;
        Ok(answer.status.success() && answer.stdout.starts_with("ok"))
    })?;
    Ok(server)
}

fn kubeconfig(base: &Path, port: u16, users: &[&str]) -> String {
    use std::fmt::Write;
    let mut text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {}\nclusters:\n- name: test\n  cluster:\n    \
         server: https://127.0.0.1:{port}\n    certificate-authority: {}\n",
        users.first().unwrap_or(&""),
        base.join("ca.crt").display()
    );
    let (mut accounts, mut contexts) = (String::from("users:\n"), String::from("contexts:\n"));
    for user in users {
        // Writing to a String cannot fail.
        let _ = writeln!(accounts, "- name: {user}\n  user:\n    token: {user}-token");
        let _ = writeln!(
            contexts,
            "- name: {user}\n  context: {{cluster: test, user: {user}, namespace: default}}"
        );
    }
    text.push_str(&accounts);
    text.push_str(&contexts);
    text
}

fn own_kubectl(base: &Path, arguments: &[&str]) -> Result<Completed, RealError> {
    let mut command = bare_command(base, "kubectl")?;
    command
        .env("KUBECONFIG", base.join("own-kubeconfig"))
        .args(arguments);
    run(&mut command, KUBECTL_WITHIN)
}
