//! How one gets a token, and whose account is whose.

use gate_protocol::account::{
    AccountEntry, AccountName, AccountPage, ChangePrincipal, CreateInvitation, CreatedInvitation,
    Group, GroupPage, LinkAccount, PrincipalChange, PrincipalChanges,
};
use gate_protocol::principal::Role;
use gate_protocol::sign_in::{
    DeviceState, ExchangeWorkloadToken, PollDevice, PolledDevice, StartDevice, StartedDevice,
};

use crate::{actors, at};

const SECRET: &str = "0000000000000000000000000000000000000000000";

pub(crate) fn start_device() -> StartDevice {
    StartDevice {
        host: "laptop".to_owned(),
    }
}

pub(crate) fn started_device() -> StartedDevice {
    StartedDevice {
        device_code: SECRET.to_owned(),
        user_code: "BCDF-GHJK".to_owned(),
        verification_url: "https://gate.example/device".to_owned(),
        expires_in_seconds: 600,
        interval_seconds: 2,
    }
}

pub(crate) fn poll_device() -> PollDevice {
    PollDevice {
        device_code: SECRET.to_owned(),
    }
}

pub(crate) fn polled_device() -> PolledDevice {
    PolledDevice {
        state: DeviceState::Approved,
        interval_seconds: 2,
        token: Some(actors::created_token()),
    }
}

pub(crate) fn exchange_workload_token() -> ExchangeWorkloadToken {
    ExchangeWorkloadToken {
        token: "e30.e30.AA".to_owned(),
    }
}

pub(crate) fn change_principal() -> ChangePrincipal {
    ChangePrincipal {
        groups: Some(vec!["sre".to_owned()]),
        add_groups: vec!["dba".to_owned()],
        remove_groups: vec!["dev".to_owned()],
        person: Some("alice".to_owned()),
    }
}

pub(crate) fn principal_change() -> PrincipalChange {
    PrincipalChange {
        what: "changed".to_owned(),
        by: "admin".to_owned(),
        at: "2026-01-05T10:00:00Z".parse().unwrap(),
        token: Some("01890a5d-ac96-774b-bcce-b302099a8057".to_owned()),
        groups: vec!["approvers".to_owned()],
        counts_from: "2026-01-06T10:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn principal_changes() -> PrincipalChanges {
    PrincipalChanges {
        name: "carol".to_owned(),
        unconfirmed: vec![principal_change()],
    }
}

pub(crate) fn group() -> Group {
    Group {
        name: "sre".to_owned(),
        members: vec!["alice".to_owned(), "bob".to_owned()],
    }
}

pub(crate) fn account_name() -> AccountName {
    AccountName {
        provider: "oidc".to_owned(),
        tenant: "https://login.example".to_owned(),
        subject: "00u1".to_owned(),
    }
}

pub(crate) fn link_account() -> LinkAccount {
    LinkAccount {
        account: account_name(),
        principal: "bob".to_owned(),
    }
}

pub(crate) fn account_entry() -> AccountEntry {
    AccountEntry {
        account: account_name(),
        principal: "bob".to_owned(),
        linked_at: at("2026-01-02T03:04:05Z"),
        linked_by: "admin".to_owned(),
    }
}

pub(crate) fn create_invitation() -> CreateInvitation {
    CreateInvitation {
        principal: "bob".to_owned(),
        roles: vec![Role::Approver],
    }
}

pub(crate) fn created_invitation() -> CreatedInvitation {
    CreatedInvitation {
        url: format!("https://gate.example/invitation?code={SECRET}"),
        expires_at: at("2026-01-05T03:04:05Z"),
    }
}

pub(crate) fn groups() -> GroupPage {
    GroupPage {
        groups: vec![group()],
        next: Some(crate::cursor()),
    }
}

pub(crate) fn accounts() -> AccountPage {
    AccountPage {
        accounts: vec![account_entry()],
        next: Some(crate::cursor()),
    }
}
