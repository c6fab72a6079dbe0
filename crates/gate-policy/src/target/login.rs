//! Programs that a file of settings makes a tool start to get a credential.
//!
//! A tool runs them for a mere read. Those that everybody uses, called as
//! their own setup writes it, only log in; any other is a program that the file
//! chose.

/// A program with what has to stand in its arguments.
struct Login {
    program: &'static str,
    /// The words before which only `options` stand.
    verbs: &'static [&'static str],
    /// Options that may be given, each with a value or without.
    options: &'static [&'static str],
    /// How many words beside options may follow.
    operands: usize,
}

/// How each is written into a kubeconfig or a profile of aws by the tool that
/// sets it up.
const LOGINS: &[Login] = &[
    Login {
        program: "aws",
        verbs: &["eks", "get-token"],
        options: &[
            "--region",
            "--profile",
            "--output",
            "--cluster-name",
            "--cluster-id",
            "--role-arn",
        ],
        operands: 0,
    },
    Login {
        program: "aws",
        verbs: &["configure", "export-credentials"],
        options: &["--profile", "--format"],
        operands: 0,
    },
    Login {
        program: "aws-iam-authenticator",
        verbs: &["token"],
        options: &["-i", "--cluster-id", "-r", "--role", "--region"],
        operands: 0,
    },
    Login {
        program: "gke-gcloud-auth-plugin",
        verbs: &[],
        options: &["--use_application_default_credentials"],
        operands: 0,
    },
    Login {
        program: "gcloud",
        verbs: &["config", "config-helper"],
        options: &["--format", "--project", "--account", "--configuration"],
        operands: 0,
    },
    Login {
        program: "kubelogin",
        verbs: &["get-token"],
        options: &[
            "--environment",
            "--server-id",
            "--client-id",
            "--tenant-id",
            "--login",
            "-e",
            "-l",
            "-t",
            "--oidc-issuer-url",
            "--oidc-client-id",
            "--oidc-client-secret",
            "--oidc-extra-scope",
            "--grant-type",
        ],
        operands: 0,
    },
    Login {
        program: "kubectl",
        verbs: &["oidc-login", "get-token"],
        options: &[
            "--oidc-issuer-url",
            "--oidc-client-id",
            "--oidc-client-secret",
            "--oidc-extra-scope",
            "--grant-type",
        ],
        operands: 0,
    },
    Login {
        program: "doctl",
        verbs: &["kubernetes", "cluster", "kubeconfig", "exec-credential"],
        options: &["--version", "--context"],
        operands: 1,
    },
    Login {
        program: "oci",
        verbs: &["ce", "cluster", "generate-token"],
        options: &["--cluster-id", "--region", "--profile", "--auth"],
        operands: 0,
    },
    Login {
        program: "tsh",
        verbs: &["kube", "credentials"],
        options: &["--kube-cluster", "--teleport-cluster", "--proxy"],
        operands: 0,
    },
    Login {
        program: "aws-vault",
        verbs: &["export"],
        options: &["--format", "--duration"],
        operands: 1,
    },
    Login {
        program: "granted",
        verbs: &["credential-process"],
        options: &["--profile"],
        operands: 0,
    },
    Login {
        program: "aws_signing_helper",
        verbs: &["credential-process"],
        options: &[
            "--certificate",
            "--private-key",
            "--trust-anchor-arn",
            "--profile-arn",
            "--role-arn",
            "--region",
        ],
        operands: 0,
    },
];

/// Variables that a login may be given: they choose an account, and no program.
const VARIABLES: &[&str] = &[
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_SDK_LOAD_CONFIG",
    "AAD_LOGIN_METHOD",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "CLOUDSDK_ACTIVE_CONFIG_NAME",
];

/// Tells whether a program by its bare name, with these arguments, only logs
/// in.
pub(super) fn only_logs_in(program: &str, arguments: &[&str]) -> bool {
    let mut known = LOGINS.iter().filter(|login| login.program == program);
    known.any(|login| login.takes(arguments))
}

/// Tells whether a login may be given a variable.
pub(super) fn may_have_variable(name: &str) -> bool {
    VARIABLES.contains(&name)
}

impl Login {
    fn takes(&self, arguments: &[&str]) -> bool {
        let mut verbs = self.verbs.iter();
        let mut operands = 0;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                match verbs.next() {
                    Some(verb) if verb == word => {}
                    Some(_) => return false,
                    None => operands += 1,
                }
                continue;
            }
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*word, None),
            };
            if !self.options.contains(&name) {
                return false;
            }
            // None of them but the last word's is a switch.
            let next = words.as_slice().first();
            if value.is_none() && next.is_some_and(|next| !next.starts_with('-')) {
                words.next();
            }
        }
        verbs.next().is_none() && operands <= self.operands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_login_as_its_setup_writes_it_is_one() {
        for words in [
            "aws --region eu-west-1 eks get-token --cluster-name prod --output json",
            "aws --region=eu-west-1 eks get-token --cluster-name=prod",
            "gke-gcloud-auth-plugin",
            "kubelogin get-token --login azurecli --server-id x",
            "doctl kubernetes cluster kubeconfig exec-credential --version=v1beta1 0f-1",
            "aws-vault export --format=json dev",
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            assert!(only_logs_in(words[0], &words[1..]), "{words:?}");
        }
        for words in [
            "aws ec2 terminate-instances --instance-ids i-1",
            "aws eks get-token --endpoint-url http://evil --cluster-name x",
            "aws eks",
            "aws eks get-token x",
            "aws --region eks get-token",
            "doctl --context kubernetes cluster kubeconfig exec-credential",
            "./aws eks get-token --cluster-name x",
            "aws-vault exec dev -- sh",
            "kubectl oidc-login get-token --browser-command=sh",
            "kubectl delete ns p",
            "sh -c x",
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            assert!(!only_logs_in(words[0], &words[1..]), "{words:?}");
        }
    }
}
