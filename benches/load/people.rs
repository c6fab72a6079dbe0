//! Who is known to the servers: alice, whose agent asks, bob, who answers, and an auditor.

use std::collections::BTreeMap;

use gate_client::{Client, ClientSettings};
use gate_protocol::principal::{CreateToken, Principal, PrincipalKind, Role};
use tokio::runtime::Builder;

/// How long their tokens live, in seconds.
const A_DAY: u64 = 24 * 3600;

/// Makes them as the admin, and returns a token of each by the name in `Stage::client`.
pub(crate) fn make(url: &str, admin: &str) -> BTreeMap<&'static str, String> {
    let settings = ClientSettings::new(url.parse().unwrap());
    let client = Client::new(settings.with_token(admin.parse().unwrap())).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (name, kind, owner) in [
            ("alice", PrincipalKind::User, None),
            ("bob", PrincipalKind::User, None),
            ("auditor", PrincipalKind::User, None),
            ("demo-agent", PrincipalKind::Agent, Some("alice")),
        ] {
            let principal = Principal {
                name: name.to_owned(),
                kind,
                owner: owner.map(str::to_owned),
                person: None,
                groups: (name == "bob")
                    .then(|| "approvers".to_owned())
                    .into_iter()
                    .collect(),
                disabled: false,
            };
            client.create_principal(&principal).await.unwrap();
        }
        let mut tokens = BTreeMap::new();
        for (known_as, name, role) in [
            ("agent", "demo-agent", Role::Requester),
            ("bob_approver", "bob", Role::Approver),
            ("auditor", "auditor", Role::Auditor),
        ] {
            let wanted = CreateToken {
                principal: name.to_owned(),
                role,
                ttl_seconds: A_DAY,
                tools: Vec::new(),
            };
            let made = client.create_token(&wanted).await.unwrap();
            tokens.insert(known_as, made.token);
        }
        tokens
    })
}
