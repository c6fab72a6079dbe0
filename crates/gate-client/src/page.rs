//! Lists: page after page, to their end or to as many things as are wanted.

use std::collections::HashSet;

use gate_protocol::account::{AccountPage, GroupPage};
use gate_protocol::break_glass::BreakGlassPage;
use gate_protocol::channel::{ChannelPage, DeliveryPage};
use gate_protocol::page::{Cursor, PAGE_LIMIT};
use gate_protocol::principal::{PrincipalPage, TokenPage};
use gate_protocol::rules::RulesVersionPage;
use gate_protocol::standing_grant::StandingGrantPage;
use serde::de::DeserializeOwned;

use crate::call::{Call, PAGE_LIMIT as PAGE_LIMIT_BYTES};
use crate::client::{Client, Patience};
use crate::error::ClientError;

/// How many things of a list are wanted at most; all of them where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most(pub Option<u32>);

/// The most things that are read of a list to the end of which nobody waits: an
/// end also to a list that a server makes up as it goes.
const MOST: usize = 1_000_000;

/// A list and whether it goes on behind what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The things, in the server's order.
    pub items: Vec<T>,
    /// Whether there are more.
    pub has_more: bool,
}

/// One page of a list, whatever is listed.
pub(crate) trait Page: DeserializeOwned {
    /// What is listed.
    type Item;

    /// Returns the things and where the next page begins.
    fn into_parts(self) -> (Vec<Self::Item>, Option<Cursor>);
}

macro_rules! pages {
    ($($page:ty: $field:ident of $item:ty;)+) => {$(
        impl Page for $page {
            type Item = $item;

            fn into_parts(self) -> (Vec<$item>, Option<Cursor>) {
                (self.$field, self.next)
            }
        }
    )+};
}

pages! {
    AccountPage: accounts of gate_protocol::account::AccountEntry;
    BreakGlassPage: uses of gate_protocol::break_glass::BreakGlassEntry;
    ChannelPage: channels of gate_protocol::channel::ChannelEntry;
    DeliveryPage: deliveries of gate_protocol::channel::DeliveryEntry;
    GroupPage: groups of gate_protocol::account::Group;
    PrincipalPage: principals of gate_protocol::principal::Principal;
    RulesVersionPage: versions of gate_protocol::rules::RulesVersion;
    StandingGrantPage: standing_grants of gate_protocol::standing_grant::StandingGrant;
    TokenPage: tokens of gate_protocol::principal::TokenEntry;
}

impl Client {
    /// Reads a list page by page. `first` asks for the first page, without limit
    /// and cursor.
    ///
    /// # Errors
    /// Any [`ClientError`]; `Garbled` too where a page has nothing and names a next
    /// one, or names one that was read before.
    pub(crate) async fn walk<P: Page>(
        &self,
        first: impl Fn() -> Result<Call, ClientError>,
        most: Most,
    ) -> Result<Listed<P::Item>, ClientError> {
        let wanted = most
            .0
            .map_or(MOST, |most| usize::try_from(most).unwrap_or(MOST).min(MOST));
        let mut items = Vec::new();
        let mut cursor: Option<Cursor> = None;
        let mut seen = HashSet::new();
        loop {
            let left = u64::try_from(wanted - items.len()).unwrap_or(PAGE_LIMIT);
            let mut call = first()?
                .up_to(PAGE_LIMIT_BYTES)
                .query("limit", &left.clamp(1, PAGE_LIMIT).to_string());
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor.as_str());
            }
            let page: P = self.ask(&call, Patience::SHORT).await?;
            let (found, next) = page.into_parts();
            let is_empty = found.is_empty();
            items.extend(found);
            items.truncate(wanted);
            let Some(next) = next else {
                return Ok(Listed {
                    items,
                    has_more: false,
                });
            };
            if is_empty || !seen.insert(next.clone()) {
                let why = "its next page does not lie further on";
                return Err(ClientError::garbled(call.what, why));
            }
            if items.len() >= wanted {
                return Ok(Listed {
                    items,
                    has_more: true,
                });
            }
            cursor = Some(next);
        }
    }
}
