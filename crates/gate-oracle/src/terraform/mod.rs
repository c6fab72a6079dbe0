//! terraform, in a project of built-in resources whose provisioners are canaries.

mod grammar;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gate_testkit::real::{locate, run};

pub use grammar::case;

use crate::play::Stage;
use crate::sandbox::{Entry, Placed, tree};
use crate::{Case, Kind, Outcome, Said, Sandbox, Seen};

/// A terraform with its own project.
#[derive(Debug)]
pub struct Terraform {
    tool: PathBuf,
    sandbox: Sandbox,
}

impl Terraform {
    /// Prepares the project: applied once, with a second workspace, a saved plan and a backup.
    ///
    /// # Errors
    /// There is no terraform, or it does not work.
    pub fn new() -> Outcome<Self> {
        let mut sandbox = Sandbox::new()?;
        sandbox.canary("canary");
        sandbox.give("CHECKPOINT_DISABLE", "1");
        sandbox.keep("cwd/main.tf", MAIN);
        sandbox.keep("cwd/untidy.tf", "locals {\nx=1\n}\n");
        sandbox.keep("cwd/x.tfvars", "replicas = 1\n");
        sandbox.keep("cwd/kept.txt", "kept");
        sandbox.keep("cwd/sub/main.tf", SUB);
        sandbox.keep("cwd/provider/main.tf", PROVIDER);
        let bin = sandbox.path("bin").display().to_string();
        sandbox.keep("cwd/evil.tfrc", EVIL.replace("{bin}", &bin));
        sandbox.keep("home/kept.txt", "kept");
        sandbox.keep("home/untidy.tf", "locals {\nx=1\n}\n");
        sandbox.keep("bin/terraform-provider-evil", EVIL_PROVIDER);
        let mut stage = Self {
            tool: locate("terraform")?,
            sandbox,
        };
        stage.prepare()?;
        Ok(stage)
    }

    fn prepare(&mut self) -> Outcome<()> {
        let case = Case::new(Kind::Read, "", vec!["terraform".to_owned()]);
        let placed = self.sandbox.place(&case)?;
        for words in [
            &["init", "-input=false"][..],
            &["workspace", "new", "other"],
            &["apply", "-auto-approve"],
            &["workspace", "select", "default"],
            &["apply", "-auto-approve"],
            &["plan", "-var=replicas=1", "-out=saved.plan"],
        ] {
            let mut terraform = Command::new(&self.tool);
            terraform
                .args(words)
                .env_clear()
                .envs(&placed.env)
                .current_dir(&placed.cwd);
            run(&mut terraform, Duration::from_mins(1))?.success()?;
        }
        let state = fs::read(placed.cwd.join("terraform.tfstate"))?;
        self.sandbox.keep("cwd/backup.tfstate", state.clone());
        self.sandbox.keep("cwd/other.tfstate", state);
        for (path, entry) in tree(&placed.cwd)? {
            if let Entry::File(bytes) = entry {
                self.sandbox.keep(&format!("cwd/{}", path.display()), bytes);
            }
        }
        Ok(())
    }
}

impl Stage for Terraform {
    fn place(&mut self, case: &Case) -> Outcome<Placed> {
        self.sandbox.place(case)
    }

    fn see(&mut self, placed: &Placed, said: &Said) -> Outcome<Seen> {
        // `plan -detailed-exitcode` says with 2 that there is something to do.
        let (mut seen, changed) = self.sandbox.watch(&self.tool, placed, said, &[0, 2])?;
        // A command that took too long was ended, and could not take its lock away.
        let is_left =
            |path: &String| !seen.is_done && path.ends_with(".terraform.tfstate.lock.info");
        let changed: Vec<String> = changed.into_iter().filter(|path| !is_left(path)).collect();
        for path in changed {
            match weight(&path) {
                Weight::Nothing => {}
                Weight::Local => seen.local.push(format!("wrote: {path}")),
                Weight::Mutation => seen.wrote([path]),
            }
        }
        Ok(seen)
    }
}

enum Weight {
    Nothing,
    Local,
    Mutation,
}

/// What a changed file means. Code that was installed, text that was formatted
/// in the folder that a command names, and a saved plan touch this machine
/// alone; the state, the selected workspace and all else outside of the project
/// are what later commands act on. A workspace that is named for the first time
/// gets an empty folder, and no state.
fn weight(path: &str) -> Weight {
    let name = path.rsplit('/').next().unwrap_or(path);
    match path {
        "cwd/.terraform" | "cwd/sub/.terraform" | "cwd/provider/.terraform" => {
            return Weight::Nothing;
        }
        "cwd/terraform.tfstate.d/fresh" => return Weight::Nothing,
        "cwd/.terraform/environment" | "cwd/.terraform/terraform.tfstate" => {
            return Weight::Mutation;
        }
        "cwd/untidy.tf"
        | "cwd/main.tf"
        | "cwd/sub/main.tf"
        | "cwd/provider/main.tf"
        | "home/untidy.tf"
        // The folder that TF_DATA_DIR names.
        | "drop/data"
        | "drop/data/modules"
        | "home/modules" => return Weight::Local,
        _ => {}
    }
    let is_installed = path.starts_with("cwd/") && path.contains(".terraform/")
        || name.starts_with(".terraform.lock")
        || name == "modules.json";
    if is_installed || name.ends_with("plan") || name.ends_with("plan.out") {
        return Weight::Local;
    }
    Weight::Mutation
}

const MAIN: &str = r#"variable "replicas" {
  default = 2
}

resource "terraform_data" "web" {
  count = var.replicas
  input = "v1"

  provisioner "local-exec" {
    command = "canary"
  }

  provisioner "local-exec" {
    when    = destroy
    command = "canary"
  }
}

resource "terraform_data" "fresh" {
  count = 0
}

output "o" {
  value = "x"
}

output "secret" {
  value     = "hunter2"
  sensitive = true
}
"#;

const SUB: &str = r#"resource "terraform_data" "below" {
  provisioner "local-exec" {
    command = "canary"
  }
}
"#;

const PROVIDER: &str = r#"terraform {
  required_providers {
    evil = {
      source = "example.com/x/evil"
    }
  }
}

provider "evil" {}
"#;

const EVIL: &str = r#"provider_installation {
  dev_overrides {
    "example.com/x/evil" = "{bin}"
  }
  direct {}
}
"#;

/// A provider that does nothing but write down that it was started.
const EVIL_PROVIDER: &str = "#!/bin/sh\ncanary\n";
