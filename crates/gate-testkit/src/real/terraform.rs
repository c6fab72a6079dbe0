//! A terraform project of built-in resources: nothing is downloaded, applying it takes a blink.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::daemon::{folder, write};
use super::{Completed, Environment, RealError, locate, run};

const TERRAFORM_WITHIN: Duration = Duration::from_mins(1);

const MAIN: &str = r#"variable "replicas" {
  default = 2
}

resource "terraform_data" "web" {
  count            = var.replicas
  input            = "v1"
  triggers_replace = ["a"]
}
"#;

/// A folder with a `main.tf` that declares two `terraform_data` resources, initialised.
#[derive(Debug)]
pub struct TerraformProject {
    folder: TempDir,
}

impl TerraformProject {
    /// Makes the project with two resources `terraform_data.web`.
    ///
    /// # Errors
    /// [`RealError`] when terraform is missing or fails.
    pub fn create() -> Result<Self, RealError> {
        Self::with_main(MAIN)
    }

    /// Makes a project with a `main.tf` of the test's own, which may only use built-in resources.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn with_main(text: &str) -> Result<Self, RealError> {
        let project = Self { folder: folder()? };
        write(&project.path().join("main.tf"), text)?;
        project.terraform(&["init", "-input=false"])?.success()?;
        Ok(project)
    }

    /// Returns the project's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns what keeps terraform off the network and out of the machine's configuration.
    pub fn environment(&self) -> Environment {
        vec![
            ("CHECKPOINT_DISABLE", "1".into()),
            ("TF_IN_AUTOMATION", "1".into()),
            ("TF_CLI_CONFIG_FILE", "/dev/null".into()),
        ]
    }

    /// Runs terraform in the project.
    ///
    /// # Errors
    /// [`RealError`] when it cannot be run; a failing terraform is in the answer.
    pub fn terraform(&self, arguments: &[&str]) -> Result<Completed, RealError> {
        let mut terraform = Command::new(locate("terraform")?);
        terraform
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path())
            .envs(self.environment())
            .args(arguments)
            .current_dir(self.path());
        run(&mut terraform, TERRAFORM_WITHIN)
    }

    /// Returns the state file, or nothing when no apply has written one.
    ///
    /// # Errors
    /// [`RealError`] when it cannot be read.
    pub fn state(&self) -> Result<Option<Value>, RealError> {
        let text = match fs::read_to_string(self.path().join("terraform.tfstate")) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RealError::system("read terraform's state")(error)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| RealError::unreadable("terraform's state", error))
    }

    /// Returns the address of every resource that exists, as `terraform_data.web[0]`: the oracle.
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn resources(&self) -> Result<Vec<String>, RealError> {
        let state = self.state()?.unwrap_or_default();
        let mut addresses = Vec::new();
        for resource in items(&state, "resources") {
            let (Some(kind), Some(name)) = (text(resource, "type"), text(resource, "name")) else {
                return Err(RealError::unreadable(
                    "terraform's state",
                    "a resource has no name",
                ));
            };
            for instance in items(resource, "instances") {
                addresses.push(match instance.get("index_key") {
                    Some(index) => format!("{kind}.{name}[{index}]"),
                    None => format!("{kind}.{name}"),
                });
            }
        }
        addresses.sort();
        Ok(addresses)
    }
}

fn items<'value>(value: &'value Value, field: &str) -> impl Iterator<Item = &'value Value> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text<'value>(value: &'value Value, field: &str) -> Option<&'value str> {
    value.get(field).and_then(Value::as_str)
}
