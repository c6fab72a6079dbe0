//! Which CI system an environment speaks of.

use super::Env;

/// A CI system that gate knows by its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// GitHub Actions, and systems that run its workflows.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// Jenkins.
    Jenkins,
    /// Buildkite.
    Buildkite,
    /// `CircleCI`.
    CircleCi,
    /// Azure Pipelines.
    Azure,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// `TeamCity`.
    TeamCity,
    /// Drone.
    Drone,
    /// Woodpecker.
    Woodpecker,
    /// Travis CI.
    Travis,
    /// `AppVeyor`.
    AppVeyor,
    /// Something that says `CI` and no more.
    Other,
}

/// How a system says that it is there.
enum Mark {
    /// The variable is `true`, in whatever case.
    True(&'static str),
    /// The variable has this value.
    Is(&'static str, &'static str),
    /// The variable has any value.
    Set(&'static str),
}

/// The first that is there counts, and of the others nothing is read: a job
/// that runs within another one's inherits that one's variables, and a mixture
/// of both would be true of neither.
///
/// Which of two is the inner one can't be seen. What a system sets for each job
/// anew comes before what is only there on its machines: an agent of Jenkins
/// puts `JENKINS_URL` into whatever it starts, and many a machine is an agent
/// of Jenkins and runs jobs of others.
const MARKS: &[(Mark, Provider)] = &[
    (Mark::True("GITHUB_ACTIONS"), Provider::GitHub),
    (Mark::True("GITLAB_CI"), Provider::GitLab),
    (Mark::True("BUILDKITE"), Provider::Buildkite),
    (Mark::True("CIRCLECI"), Provider::CircleCi),
    (Mark::True("TF_BUILD"), Provider::Azure),
    (Mark::True("DRONE"), Provider::Drone),
    (Mark::Is("CI", "woodpecker"), Provider::Woodpecker),
    (Mark::True("TRAVIS"), Provider::Travis),
    (Mark::True("APPVEYOR"), Provider::AppVeyor),
    (Mark::Set("BITBUCKET_BUILD_NUMBER"), Provider::Bitbucket),
    (Mark::Set("TEAMCITY_VERSION"), Provider::TeamCity),
    (Mark::Set("JENKINS_URL"), Provider::Jenkins),
    (Mark::Set("HUDSON_URL"), Provider::Jenkins),
];

impl Provider {
    /// Returns its name in a request.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Jenkins => "jenkins",
            Self::Buildkite => "buildkite",
            Self::CircleCi => "circleci",
            Self::Azure => "azure",
            Self::Bitbucket => "bitbucket",
            Self::TeamCity => "teamcity",
            Self::Drone => "drone",
            Self::Woodpecker => "woodpecker",
            Self::Travis => "travis",
            Self::AppVeyor => "appveyor",
            Self::Other => "ci",
        }
    }
}

/// Returns the CI system that the environment speaks of.
pub(crate) fn provider(env: Env<'_>) -> Option<Provider> {
    let is_there = |mark: &Mark| match mark {
        Mark::True(name) => env(name).is_some_and(|value| value.eq_ignore_ascii_case("true")),
        Mark::Is(name, expected) => env(name).is_some_and(|value| value == *expected),
        Mark::Set(name) => env(name).is_some_and(|value| !value.is_empty()),
    };
    let known = MARKS.iter().find(|(mark, _)| is_there(mark));
    known.map(|(_, provider)| *provider).or_else(|| {
        // All of them set `CI`, so it says nothing of which one.
        let value = env("CI")?;
        (!matches!(value.as_str(), "" | "0" | "false")).then_some(Provider::Other)
    })
}
