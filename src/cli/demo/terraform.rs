//! The scenario on terraform: a project of `terraform_data`, which is built
//! into terraform and needs no download.

use super::ground::must_succeed;
use super::place::{Place, cannot};
use super::scenario::{Scenario, words};
use crate::failure::Failure;

const PROJECT: &str = r#"
variable "release" { default = "v1" }

resource "terraform_data" "web" {
  input = var.release
}

resource "terraform_data" "check" {
  count = var.release == "broken" ? 1 : 0
  provisioner "local-exec" { command = "exit 3" }
}
"#;

pub(super) fn prepare(place: &Place) -> Result<Scenario, Failure> {
    let folder = place
        .folder("terraform")
        .map_err(|error| cannot("make a folder", error))?;
    std::fs::write(folder.join("main.tf"), PROJECT)
        .map_err(|error| cannot("write a project", error))?;
    // No call home.
    let env = vec![("CHECKPOINT_DISABLE", "1".to_owned())];
    let real = |arguments: &[&str]| {
        let mut command = place.real("terraform");
        command
            .args(arguments)
            .current_dir(&folder)
            .envs(env.clone());
        command
    };
    must_succeed(&mut real(&["init", "-input=false"]))?;
    must_succeed(&mut real(&["apply", "-input=false", "-auto-approve"]))?;
    Ok(Scenario {
        tool: "terraform",
        read: words("terraform state list"),
        change: words("terraform apply -input=false -auto-approve -var=release=v2"),
        failing: words("terraform apply -input=false -auto-approve -var=release=broken"),
        failing_code: 1,
        state: real(&["show", "-no-color"]),
        folder,
        env,
        cluster: None,
    })
}
