//! Groups, whom rules name together: an admin puts people in and takes them out, an
//! auditor looks. A group is there as long as somebody is in it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gate_protocol::account::ChangePrincipal;
use gate_protocol::principal::Principal;
use jiff::Timestamp;
use serde::Deserialize;

use super::form::{Posted, Tokened};
use super::moment;
use super::page::{Place, Refused, render, see_other};
use super::session::{Keeper, Visitor};
use crate::clock;
use crate::problem::Failure;
use crate::service::Seen;
use crate::state::Server;

/// A group on the page.
struct ShownGroup {
    name: String,
    members: Vec<Member>,
    /// Who could be put into it.
    others: Vec<String>,
    /// Whether the server's own settings ask for it.
    is_floor: bool,
}

/// Somebody who is in a group.
struct Member {
    name: String,
    disabled: bool,
    /// From when on they count in it, where one admin alone let them in and they do not yet.
    counts_from: Option<String>,
}

/// Until when which accounts count for nothing: in one group, or, where none is named, in all.
type Rests = BTreeMap<(String, Option<String>), Timestamp>;

async fn rests(server: &Server) -> Result<Rests, Failure> {
    let now = clock::now();
    let mut rests = Rests::new();
    for name in server.unconfirmed_users().await? {
        let changes = server.principal_changes(&name).await?.unconfirmed;
        for one in changes.into_iter().filter(|one| one.counts_from > now) {
            // What is about how they sign in is told with the account, not here.
            let groups: Vec<Option<String>> = match one.what.as_str() {
                "created" | "enabled" => vec![None],
                "changed" if one.groups.is_empty() => vec![None],
                "changed" => one.groups.into_iter().map(Some).collect(),
                _ => Vec::new(),
            };
            for group in groups {
                let until = rests.entry((name.clone(), group)).or_insert(now);
                *until = one.counts_from.max(*until);
            }
        }
    }
    Ok(rests)
}

impl Member {
    fn of(principal: Principal, group: &str, rests: &Rests) -> Self {
        let until = |group: Option<&str>| {
            let place = (principal.name.clone(), group.map(ToOwned::to_owned));
            rests.get(&place).copied()
        };
        Self {
            counts_from: until(None).max(until(Some(group))).map(moment::utc),
            disabled: principal.disabled,
            name: principal.name,
        }
    }
}

#[derive(Template)]
#[template(path = "groups.html")]
struct GroupsPage {
    visitor: Option<Visitor>,
    csrf: String,
    groups: Vec<ShownGroup>,
    /// Everybody who is not disabled.
    names: Vec<String>,
    is_admin: bool,
    may_edit: bool,
}

/// Lists the groups with who is in them.
pub(super) async fn groups(
    State(server): State<Server>,
    Keeper(visitor): Keeper,
) -> Result<Response, Refused> {
    let mut groups: BTreeMap<String, Vec<Principal>> = BTreeMap::new();
    let floor: Vec<&str> = server
        .settings
        .floor
        .approvers
        .iter()
        .filter_map(|approver| approver.strip_prefix("group:"))
        .collect();
    // A group that is asked for and empty is worth seeing.
    for name in &floor {
        groups.entry((*name).to_owned()).or_default();
    }
    let principals = server.principals().await?;
    for principal in &principals {
        for group in principal.groups.clone() {
            groups.entry(group).or_default().push(principal.clone());
        }
    }
    let may_act = principals.iter().filter(|one| !one.disabled);
    let names: Vec<String> = may_act.map(|one| one.name.clone()).collect();
    let rests = rests(&server).await?;
    let shown = |(name, members): (String, Vec<Principal>)| ShownGroup {
        is_floor: floor.contains(&name.as_str()),
        others: names
            .iter()
            .filter(|other| !members.iter().any(|member| member.name == **other))
            .cloned()
            .collect(),
        members: members
            .into_iter()
            .map(|member| Member::of(member, &name, &rests))
            .collect(),
        name,
    };
    let page = GroupsPage {
        csrf: visitor.csrf(),
        groups: groups.into_iter().map(shown).collect(),
        names,
        is_admin: visitor.is_admin(),
        may_edit: visitor.may_edit(),
        visitor: Some(visitor),
    };
    Ok(render(StatusCode::OK, &page))
}

/// Who is put into which group, or taken out of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberForm {
    csrf: String,
    group: String,
    /// Nobody named means everybody who is in it.
    #[serde(default)]
    member: String,
}

impl Tokened for MemberForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Puts somebody into a group, which is there from then on.
pub(super) async fn add(
    State(server): State<Server>,
    posted: Posted<MemberForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let wanted = ChangePrincipal {
        add_groups: vec![form.group.trim().to_owned()],
        ..ChangePrincipal::default()
    };
    let added = async {
        visitor.must_edit()?;
        change(&server, &visitor, form.member.trim(), &wanted).await
    };
    done(added.await, visitor)
}

/// Takes somebody out of a group, or everybody: then it is gone.
pub(super) async fn remove(
    State(server): State<Server>,
    posted: Posted<MemberForm>,
) -> Result<Response, Refused> {
    let Posted { visitor, form } = posted;
    let wanted = ChangePrincipal {
        remove_groups: vec![form.group.clone()],
        ..ChangePrincipal::default()
    };
    let removed = async {
        visitor.must_edit()?;
        if !form.member.is_empty() {
            return change(&server, &visitor, &form.member, &wanted).await;
        }
        for principal in server.principals().await? {
            if principal.groups.contains(&form.group) {
                change(&server, &visitor, &principal.name, &wanted).await?;
            }
        }
        Ok(())
    };
    done(removed.await, visitor)
}

async fn change(
    server: &Server,
    visitor: &Visitor,
    member: &str,
    wanted: &ChangePrincipal,
) -> Result<(), Failure> {
    server
        .change_principal(visitor.name(), member, wanted, &Seen::Unsaid)
        .await
        .map(drop)
}

fn done(changed: Result<(), Failure>, visitor: Visitor) -> Result<Response, Refused> {
    match changed {
        Ok(()) => Ok(see_other("/groups", None)),
        Err(failure) => Err(Refused::from(failure)
            .back_to(Place::Groups)
            .signed_in(visitor)),
    }
}
