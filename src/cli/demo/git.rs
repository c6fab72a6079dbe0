//! The scenario on git: a repository with a bare one as its remote.

use super::ground::must_succeed;
use super::place::{Place, cannot};
use super::scenario::{Scenario, words};
use crate::failure::Failure;

pub(super) fn prepare(place: &Place) -> Result<Scenario, Failure> {
    let folder = place
        .folder("git")
        .map_err(|error| cannot("make a folder", error))?;
    let remote = folder.join("remote.git");
    let work = folder.join("work");
    let real = |arguments: &[&str]| {
        let mut command = place.real("git");
        command.args(arguments).current_dir(&folder);
        command
    };
    let (remote_name, work_name) = (remote.to_string_lossy(), work.to_string_lossy());
    must_succeed(&mut real(&[
        "init",
        "-q",
        "--bare",
        "-b",
        "main",
        &remote_name,
    ]))?;
    must_succeed(&mut real(&["init", "-q", "-b", "main", &work_name]))?;
    let in_work = |arguments: &[&str]| {
        let mut all = vec![
            "-C",
            work_name.as_ref(),
            "-c",
            "user.name=demo",
            "-c",
            "user.email=demo@localhost",
        ];
        all.extend(arguments);
        real(&all)
    };
    must_succeed(&mut in_work(&["remote", "add", "origin", &remote_name]))?;
    must_succeed(&mut in_work(&[
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "one",
    ]))?;
    Ok(Scenario {
        tool: "git",
        read: words("git log --oneline"),
        change: words("git push -q origin main"),
        failing: words("git push -q origin no-such-branch"),
        failing_code: 1,
        state: real(&["-C", &remote_name, "for-each-ref"]),
        folder: work.clone(),
        env: Vec::new(),
        cluster: None,
    })
}
