//! To which backend pulumi gives its token. Source: pulumi.com, "Pulumi project file reference": the
//! backend of a project counts before the one that is logged in to.

use super::{content, named, option, refuse_file, set};
use crate::command_line::CommandLine;
use crate::effect::Effect;
use crate::invocation::Invocation;
use crate::read::{path_of, scalars};

const ROLE: &str = "project file of pulumi";
/// The names under which pulumi looks for it, in each folder upward, as they are sorted there.
const NAMES: &[&str] = &["Pulumi.json", "Pulumi.yaml", "Pulumi.yml"];
/// The backend of pulumi itself.
const USUAL: &str = "https://api.pulumi.com";

pub(super) fn resolve(line: &CommandLine<'_>, invocation: &mut Invocation) {
    if invocation.command.is_empty() || !named(invocation, "backend").is_empty() {
        return;
    }
    let folder = match option(invocation, "cwd") {
        Some(folder) => line.cwd.join(path_of(folder)),
        None => line.cwd.to_owned(),
    };
    let mut paths = folder
        .ancestors()
        .flat_map(|folder| NAMES.iter().map(|name| folder.join(name)));
    let Some(path) = paths.find(|path| line.files.kind(path).is_some()) else {
        return;
    };
    let Some(text) = content(line, &path, ROLE, invocation) else {
        return;
    };
    let Some(document) = scalars::read(&text) else {
        let why = "it is written in a way that gate can't follow";
        return refuse_file(&path, ROLE, why, invocation);
    };
    let is_backend = |scalar: &&scalars::Scalar| {
        scalar.keys.first().is_some_and(|key| key == "backend")
            && scalar.keys.last().is_some_and(|key| key == "url")
    };
    let Some(url) = document.scalars.iter().find(is_backend) else {
        return;
    };
    set(invocation, "backend", &url.text);
    let has_token = line.env.get("PULUMI_ACCESS_TOKEN").is_some();
    let is_of_web = url.text.to_ascii_lowercase().starts_with("http");
    if has_token && is_of_web && url.text.trim_end_matches('/') != USUAL {
        let reason = format!(
            "the project says `{}`, and `PULUMI_ACCESS_TOKEN` goes there",
            url.text
        );
        invocation.add(Effect::Unknown, &reason);
    }
}
