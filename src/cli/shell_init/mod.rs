//! `gate shell-init`.
//!
//! What it prints does two things: it puts the folder of the shims first on PATH,
//! and looks again at each prompt, by what the shell itself can do, so that no
//! program is started where all is well.

use clap::ValueEnum;

use super::shim::Place;
use crate::failure::{Failure, FailureKind};
use crate::show::answer;
use crate::world::World;

/// What stands in a script where the folder is to be.
const FOLDER: &str = "@FOLDER@";
const POSIX: &str = include_str!("posix.sh");
const BASH: &str = include_str!("bash.sh");
const ZSH: &str = include_str!("zsh.zsh");
const FISH: &str = include_str!("fish.fish");
const POWERSHELL: &str = include_str!("powershell.ps1");

/// Print what puts the shims first on PATH, for a shell to read at its start
///
/// bash, at the end of ~/.bashrc: eval "$(gate shell-init bash)". zsh, at the end of ~/.zshrc:
/// eval "$(gate shell-init zsh)". fish, in config.fish: gate shell-init fish | source. PowerShell,
/// in $PROFILE: gate shell-init powershell | Out-String | Invoke-Expression. A login shell that
/// reads ~/.profile: eval "$(gate shell-init sh)". At each prompt the shell looks again (not with
/// sh), and where other folders came before the shims, it puts them back and says so twice; where a
/// shim leads to a gate that is gone, it says that.
#[derive(Debug, clap::Args)]
pub(crate) struct ShellInit {
    /// The shell that will read it.
    #[arg(value_name = "SHELL")]
    shell: Shell,
    #[command(flatten)]
    place: Place,
}

/// A shell that gate can speak to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Sh,
}

impl ShellInit {
    pub(crate) fn run(&self, world: &World) -> Result<(), Failure> {
        let folder = self.place.folder(world)?;
        folder.refuse_untrusted()?;
        let path = folder.path().to_str().ok_or_else(|| {
            Failure::new(
                FailureKind::Usage,
                "the folder of the shims has a name that is not UTF-8",
            )
            .hint("name another folder with --dir")
        })?;
        answer::text(&script(self.shell, path))
    }
}

/// Returns what `shell` is to read, for the folder `path`.
fn script(shell: Shell, path: &str) -> String {
    match shell {
        Shell::Bash => [POSIX, BASH].concat().replace(FOLDER, &posix(path)),
        Shell::Sh => POSIX.replace(FOLDER, &posix(path)),
        Shell::Zsh => ZSH.replace(FOLDER, &posix(path)),
        Shell::Fish => FISH.replace(FOLDER, &fish(path)),
        Shell::Powershell => POWERSHELL.replace(FOLDER, &powershell(path)),
    }
}

/// Quotes a word for sh, bash and zsh.
fn posix(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Quotes a word for fish, which knows two escapes within single quotes.
fn fish(word: &str) -> String {
    format!("'{}'", word.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Quotes a word for PowerShell, to which four more letters are single quotes.
///
/// Source: `CharExtensions.IsSingleQuote` of PowerShell.
fn powershell(word: &str) -> String {
    let mut quoted = String::from("'");
    for letter in word.chars() {
        if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(letter);
        }
        quoted.push(letter);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_word_to_each_shell() {
        assert_eq!(posix("/a b/$x'y"), r"'/a b/$x'\''y'");
        assert_eq!(fish(r"/a b/$x'y\"), r"'/a b/$x\'y\\'");
        assert_eq!(powershell("/a'b\u{2019}c$d"), "'/a''b\u{2019}\u{2019}c$d'");
    }

    #[test]
    fn every_script_names_the_folder_once() {
        for shell in Shell::value_variants() {
            let script = script(*shell, "/the/folder");
            assert_eq!(script.matches("/the/folder").count(), 1, "{shell:?}");
            assert!(!script.contains(FOLDER), "{shell:?}");
        }
    }
}
